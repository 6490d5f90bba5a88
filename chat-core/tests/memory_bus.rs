//! The bus in memory against the suite that every bus must pass.

use chat_core::bus::memory::MemoryBus;

chat_core::bus_conformance!(async || {
    let here = MemoryBus::new();
    let there = here.attach();
    (here, there)
});
