//! Bad input and misbehaving peers, over plain sockets. Each gets an answer, a JSON-RPC error or HTTP 4xx, and the
//! server continues with bounded memory. Every wait has a timeout, so a hang fails the test.

mod answers;
mod attack;
mod broken;
mod buffers;
mod depth;
mod heads;
mod http2;
mod load;
mod lying_server;
mod memory;
mod peers;
mod server;
mod size;
mod text;
mod time;
