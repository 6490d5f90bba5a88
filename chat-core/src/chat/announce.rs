//! From a commit to the bus and to the application. Everything here is a hint: a lost one is found by the repair loop.

use super::{Chat, Inner};
use crate::{
    bus::{Hint, Topic},
    model::{Committed, CommittedMessage},
};

impl Chat {
    /// Tells the other nodes, the connections and the application of a message that the host stored in a transaction of its own,
    /// after that transaction has committed. A forgotten call is found by the repair loop.
    pub async fn announce(&self, committed: &CommittedMessage) {
        let _ = committed;
        todo!()
    }
}

impl Inner {
    /// Publishes what a change did and tells the application. The pipeline calls it in commit order.
    pub(crate) async fn announce(&self, committed: &Committed) {
        let _ = committed;
        todo!()
    }

    /// Publishes one hint under this node's name; a bus that fails is logged and counted, never an error of the action.
    pub(crate) async fn publish(&self, topic: Topic, hint: Hint) {
        let _ = (topic, hint);
        todo!()
    }
}
