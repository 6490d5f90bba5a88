//! The realtime engine: from the bus to connections, and the one future that drives everything.
//!
//! Direction of use: realtime calls use cases and ports; no use case knows of it beyond the handles in
//! [`Chat`].

pub(crate) mod cursors;
pub(crate) mod endpoint;
pub(crate) mod hub;
pub(crate) mod meters;
pub(crate) mod outbox;
mod presence;
mod pump;
mod repair;
mod run;
mod shards;
mod ticket;

pub use outbox::{Outbox, Outgoing};
pub(crate) use presence::Presence;
pub(crate) use ticket::TicketOffice;
pub use ticket::{TICKET_LIFE, Ticket};
