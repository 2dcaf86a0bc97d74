//! Bad input and bad peers, over bare sockets: each gets an answer, a JSON-RPC error or an HTTP 4xx, and the server
//! goes on at bounded memory. Every wait has a bound, so a hang fails the test.

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
