//! The dedicated transport: its own exchange, connections and driver.
#![allow(dead_code, reason = "wired by the transport, when that is there")]

mod reader;
