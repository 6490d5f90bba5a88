//! A bus within one process.
