//! WebSockets over real sockets: how they are opened, what runs on them, and how they end.

mod announce;
mod both;
mod calls;
mod dispatch;
mod ending;
mod floods;
mod frames;
mod leaving;
mod opening;
mod streams;
mod subscriptions;
