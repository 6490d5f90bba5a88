//! The endpoints, one file per resource. Each reads its request, calls a use case and shows the result.

#[cfg(feature = "accounts")]
pub(crate) mod accounts;
pub(crate) mod broadcasts;
pub(crate) mod classic;
pub(crate) mod conversations;
pub(crate) mod info;
pub(crate) mod media;
pub(crate) mod members;
pub(crate) mod messages;
mod range;
pub(crate) mod receipts;
#[cfg(feature = "accounts")]
pub(crate) mod sessions;
pub(crate) mod uploads;
pub(crate) mod users;
