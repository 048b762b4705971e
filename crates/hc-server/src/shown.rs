//! What the server shows and is told by others, as data.

use std::sync::Arc;

/// One value of the config that holds, and who set it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Setting {
    /// The keys that lead to it, outermost first: `["http", "method"]`.
    pub keys: Vec<String>,
    /// The value as it could be written in a config; secrets as `"***"`.
    pub value: String,
    /// Who set it: `built-in`, `profile large`, `defaults`, `group edge`, `target`.
    pub origin: String,
    /// Where: `hc.yaml:3:5`. Absent for what no file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// What is known of targets and of the process beside what runs. Asked for one page or one target at a time.
pub trait Catalogue: Send + Sync {
    /// The URL of a target as people may see it. `None` if there is none of that name.
    fn url(&self, target: &str) -> Option<Arc<str>>;

    /// How a target is asked and judged, with the origin of each value.
    fn target(&self, target: &str) -> Option<Vec<Setting>>;

    /// All values of the process and of `defaults`.
    fn process(&self) -> Vec<Setting>;
}

/// A sink's queue, as metrics show it.
pub trait SinkGauge: Send + Sync {
    /// Its name, fit for a label: `log`.
    fn name(&self) -> &'static str;

    /// How much waits in it.
    fn queue_length(&self) -> u64;

    /// How much was dropped because it was full, since the start.
    fn dropped(&self) -> u64;
}
