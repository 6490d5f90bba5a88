//! The realtime engine: connections, and how what is stored reaches them.
//!
//! Knows frames and sessions; what people may do is decided by the use cases that it calls.

mod presence;
mod ticket;

pub(crate) use presence::Presence;
pub(crate) use ticket::TicketOffice;
pub use ticket::{TICKET_LIFE, Ticket};
