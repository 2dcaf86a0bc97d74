//! A server process under attack, over plain sockets: slow peers, more connections than descriptors, more calls and
//! more bytes than it allows. Well-behaved clients are served meanwhile, and memory and time stay bounded. After the
//! attack, the server works as before.

mod child;
mod descriptors;
mod http2;
mod memory;
mod overload;
mod shares;
mod slow_peers;
mod slow_readers;
