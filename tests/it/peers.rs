//! Servers and clients that call the other side of a session, and notifications that run in order.

mod client;
mod client_ends;
mod outbound;
mod raw_server;
mod server;
mod server_limits;
mod server_ordered;
mod server_typed;
