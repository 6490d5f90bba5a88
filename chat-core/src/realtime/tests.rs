//! The engine as a whole, on the store and the bus in memory.

mod delivery;
mod repair;
