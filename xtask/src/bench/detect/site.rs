//! A kind of fault, and the place where it is made: a backend behind twenty targets that is struck at a random point of the
//! interval, mended once every checker has said so or patience ends, and struck again when all call it healthy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::rig::{Arena, Fickle, Manner, Programs};
use super::configs::INTERVAL;
use super::watch::Watch;
use crate::clock::Started;
use crate::process::read;

/// Behind one backend.
pub(super) const TARGETS: u8 = 20;
/// After a repair, all must be well again within so long.
const MENDING: Duration = Duration::from_secs(90);
/// Backends that answer, and keep their connections.
pub(super) const STEADY: Manner = Manner {
    closes: 0,
    interval: INTERVAL,
    seed: 0,
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Killed,
    Errors,
    Stopped,
    Dropped,
    Deaf,
}

/// All of them.
pub(super) const FAULTS: [Fault; 5] = [
    Fault::Killed,
    Fault::Errors,
    Fault::Stopped,
    Fault::Dropped,
    Fault::Deaf,
];

impl Fault {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Errors => "500s",
            Self::Stopped => "stopped",
            Self::Dropped => "dropped",
            Self::Deaf => "deaf",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Killed => "process killed (SIGKILL)",
            Self::Errors => "answers 500",
            Self::Stopped => "process stopped (SIGSTOP)",
            Self::Dropped => "packets dropped in silence",
            Self::Deaf => "listener closed, kept connections still served",
        }
    }

    /// Rules of routing are made for it.
    pub(super) fn needs_namespace(self) -> bool {
        self == Self::Dropped
    }

    /// Whoever keeps connections notices only when one is opened anew.
    pub(super) fn is_slow(self) -> bool {
        self == Self::Deaf
    }

    /// How long checkers have to notice.
    pub(super) fn patience(self, quick: bool) -> Duration {
        Duration::from_secs(match (self, quick) {
            // Twenty checks, and three more.
            (Self::Deaf, false) => 125,
            _ => 30,
        })
    }
}

/// Where backends are started.
pub(super) struct Ground<'a> {
    pub(super) arena: &'a Arena,
    pub(super) programs: &'a Programs,
    pub(super) folder: &'a Path,
}

enum State {
    /// All is well; struck after so long.
    Well(Started, Duration),
    Struck(Started),
    /// Until every checker calls every target healthy.
    Mended(Started),
    Done,
}

/// One fault's place.
pub(super) struct Site {
    pub(super) fault: Fault,
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) port: u16,
    fickle: Option<Fickle>,
    state: State,
    rounds: u32,
    patience: Duration,
    random: u64,
    /// By checker's key, of the round that runs: the time until each target was called unhealthy.
    noticed: BTreeMap<&'static str, BTreeMap<Ipv4Addr, Duration>>,
    /// The same of each round that is over.
    pub(super) past: Vec<BTreeMap<&'static str, BTreeMap<Ipv4Addr, Duration>>>,
}

impl Site {
    /// # Errors
    /// When its backend does not start.
    pub(super) fn new(
        fault: Fault,
        ground: &Ground<'_>,
        (rounds, patience): (u32, Duration),
        seed: u64,
    ) -> Result<Self> {
        let net = 1 + fault as u8;
        let addresses = (1..=TARGETS).map(|host| Ipv4Addr::new(127, 77, net, host));
        let mut site = Self {
            fault,
            addresses: addresses.collect(),
            port: 0,
            fickle: None,
            state: State::Well(Started::now(), Duration::ZERO),
            rounds,
            patience,
            random: seed,
            noticed: BTreeMap::new(),
            past: Vec::new(),
        };
        site.open(ground)?;
        if fault == Fault::Dropped {
            // What is local is looked up before any rule that one may add: here it is to be looked up after ours.
            for rule in ["add pref 10 lookup local", "del pref 0 lookup local"] {
                read(Command::new("ip").arg("rule").args(rule.split(' ')))?;
            }
        }
        site.rest();
        Ok(site)
    }

    fn open(&mut self, ground: &Ground<'_>) -> Result<()> {
        let port = (self.port > 0).then_some(self.port);
        let name = (self.fault.key(), port);
        let Ground {
            arena,
            programs,
            folder,
        } = ground;
        let fickle = Fickle::start(arena, programs, folder, name, &self.addresses, STEADY)?;
        self.port = fickle.port;
        self.fickle = Some(fickle);
        Ok(())
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn rounds_done(&self) -> usize {
        self.past.len()
    }

    /// A checker says that a target is unhealthy. Whether that is true just now.
    pub(super) fn hear(&mut self, checker: &'static str, address: Ipv4Addr) -> bool {
        match self.state {
            State::Struck(at) => {
                let of = self.noticed.entry(checker).or_default();
                of.entry(address).or_insert_with(|| at.elapsed());
                true
            }
            // It may say so of the fault that has just been mended.
            State::Mended(_) => true,
            State::Well(..) | State::Done => false,
        }
    }

    /// Strikes, mends or rests, when it is time to.
    ///
    /// # Errors
    /// When a fault cannot be made or mended.
    pub(super) fn turn(&mut self, ground: &Ground<'_>, watches: &[Watch]) -> Result<()> {
        match self.state {
            State::Well(since, pause) if since.elapsed() >= pause => {
                self.state = State::Struck(Started::now());
                self.strike()?;
            }
            State::Struck(since) => {
                let all = |watch: &Watch| {
                    let noticed = self.noticed.get(watch.checker.key);
                    noticed.map_or(0, BTreeMap::len) == self.addresses.len()
                };
                if watches.iter().all(all) || since.elapsed() > self.patience {
                    self.past.push(std::mem::take(&mut self.noticed));
                    self.mend(ground)?;
                    self.state = State::Mended(Started::now());
                }
            }
            State::Mended(since) => {
                ensure!(
                    since.elapsed() < MENDING,
                    "not all is well again: {}",
                    self.fault.key()
                );
                let well = |watch: &Watch| watch.calls_well(&self.addresses);
                // A checker that has not noticed has nothing to take back; a moment for what is under way.
                if since.elapsed() > Duration::from_secs(3) && watches.iter().all(well) {
                    self.rest();
                }
            }
            State::Well(..) | State::Done => {}
        }
        Ok(())
    }

    fn rest(&mut self) {
        self.state = if self.past.len() as u32 >= self.rounds {
            State::Done
        } else {
            let fraction = self.fraction();
            State::Well(
                Started::now(),
                Duration::from_millis(500) + INTERVAL.mul_f64(fraction),
            )
        };
    }

    fn strike(&mut self) -> Result<()> {
        match (self.fault, &self.fickle) {
            // The end of it comes with a SIGKILL.
            (Fault::Killed, _) => self.fickle = None,
            (Fault::Errors, Some(fickle)) => drop(fickle.tell("status 500")?),
            (Fault::Deaf, Some(fickle)) => drop(fickle.tell("deaf")?),
            (Fault::Stopped, Some(fickle)) => signal(fickle, "STOP")?,
            (Fault::Dropped, _) => self.route("add")?,
            (_, None) => {}
        }
        Ok(())
    }

    fn mend(&mut self, ground: &Ground<'_>) -> Result<()> {
        match (self.fault, &self.fickle) {
            (Fault::Killed, _) => self.open(ground)?,
            (Fault::Errors, Some(fickle)) => drop(fickle.tell("status 200")?),
            (Fault::Deaf, Some(fickle)) => drop(fickle.tell("hear")?),
            (Fault::Stopped, Some(fickle)) => signal(fickle, "CONT")?,
            (Fault::Dropped, _) => self.route("del")?,
            (_, None) => {}
        }
        Ok(())
    }

    /// What comes from these addresses is lost: no answer to a request, and none to an attempt to connect. In the other
    /// direction the kernel would tell the sender.
    fn route(&self, verb: &str) -> Result<()> {
        let [a, b, c, _] = self.addresses[0].octets();
        let net = format!("{a}.{b}.{c}.0/24");
        let rule = ["rule", verb, "pref", "1", "from", &net, "blackhole"];
        read(Command::new("ip").args(rule)).map(drop)
    }

    /// From 0 to 1 (splitmix64).
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// # Errors
/// When the process has gone.
fn signal(fickle: &Fickle, name: &str) -> Result<()> {
    let arguments = ["-s", name, &fickle.child.id().to_string()];
    read(Command::new("kill").args(arguments)).map(drop)
}
