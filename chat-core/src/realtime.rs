//! The realtime engine: from the bus to connections, and the one future that drives everything.
//!
//! Direction of use: realtime calls use cases and ports; no use case knows of it beyond the handles in
//! [`Chat`](crate::Chat).

mod classic;
mod connect;
mod connection;
pub(crate) mod cursors;
pub(crate) mod endpoint;
mod guard;
pub(crate) mod hub;
mod inbox;
mod jobs;
pub(crate) mod meters;
pub(crate) mod outbox;
mod presence;
mod pump;
mod repair;
mod resume;
mod run;
mod session;
mod sessions;
mod shards;
mod sweep;
mod ticket;
mod upkeep;
mod work;

pub use connect::{ConnInfo, Wire};
pub use outbox::{Outbox, Outgoing};
pub(crate) use presence::Presence;
pub use session::Session;
pub(crate) use sessions::Sessions;
pub(crate) use ticket::TicketOffice;
pub use ticket::{TICKET_LIFE, Ticket};

#[cfg(test)]
mod tests;
