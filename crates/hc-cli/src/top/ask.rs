//! Who asks for `top`: one question after the other over one connection, anew after each failure.

use hc_server::wire::fleet::FleetBody;
use hc_server::wire::target::{TargetDetail, TargetPage};
use tokio::sync::mpsc;

use super::list::Window;
use crate::see::{Client, Trouble, Whom};

/// What is wanted next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Which rows.
    pub(super) window: Window,
    /// Whose past, by uid.
    pub(super) detail: Option<String>,
}

/// What hc says.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) question: Question,
    pub(super) fleet: FleetBody,
    pub(super) page: TargetPage,
    /// `None`: not asked for, or there is no such target any more.
    pub(super) detail: Option<TargetDetail>,
    /// Which of several hc it is, if there are.
    pub(super) note: Option<String>,
}

/// A question that was not answered.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) question: Question,
    pub(super) trouble: Trouble,
}

/// Asks one hc.
#[derive(Debug)]
pub(super) struct Asker {
    whom: Whom,
    /// `None` after a failure: it is sought anew.
    client: Option<Client>,
    note: Option<String>,
}

type Answered = Result<Answer, Failed>;

impl Asker {
    /// Finds it, and asks once.
    ///
    /// # Errors
    /// It is away.
    pub(super) async fn start(whom: Whom) -> Result<(Self, String, Answer), Trouble> {
        let (client, note) = whom.client().await?;
        let place = client.place().to_string();
        let mut asker = Self {
            whom,
            client: Some(client),
            note,
        };
        let question = Question {
            window: Window::default(),
            detail: None,
        };
        let answer = asker.ask(&question).await?;
        Ok((asker, place, answer))
    }

    /// Answers questions until nobody asks any more, on a task of its own.
    pub(super) fn run(mut self) -> (mpsc::Sender<Question>, mpsc::Receiver<Answered>) {
        let (questions, mut asked) = mpsc::channel(1);
        let (told, answers) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(question) = asked.recv().await {
                let answer = self.ask(&question).await;
                let answer = answer.map_err(|trouble| Failed { question, trouble });
                if told.send(answer).await.is_err() {
                    return;
                }
            }
        });
        (questions, answers)
    }

    async fn ask(&mut self, question: &Question) -> Result<Answer, Trouble> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                let (client, note) = self.whom.client().await?;
                self.note = note;
                client
            }
        };
        let fleet = client.get("/api/v1/fleet").await?;
        let page = match client.get(&question.window.path()).await {
            // It answers: the question was wrong.
            Err(trouble @ Trouble::Problem(_)) => {
                self.client = Some(client);
                return Err(trouble);
            }
            answered => answered?,
        };
        let detail = match &question.detail {
            None => None,
            Some(uid) => match client.get(&format!("/api/v1/targets/{uid}")).await {
                Err(trouble) if trouble.is_problem("unknown-target") => None,
                detail => Some(detail?),
            },
        };
        self.client = Some(client);
        Ok(Answer {
            question: question.clone(),
            fleet,
            page,
            detail,
            note: self.note.clone(),
        })
    }
}
