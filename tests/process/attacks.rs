//! A server process under attack, over bare sockets: peers that are too slow, more connections than there are
//! descriptors, more calls and more bytes than it takes on. Those who behave are served meanwhile, its memory and its
//! time stay bounded, and it is as good as before when the attack is over.

mod child;
mod descriptors;
mod http2;
mod memory;
mod overload;
mod shares;
mod slow_peers;
mod slow_readers;
