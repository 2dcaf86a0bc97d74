//! Servers that call their clients over a session, and notifications that run in order.

mod outbound;
mod server;
mod server_limits;
mod server_ordered;
