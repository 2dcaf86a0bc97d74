//! A chat room whose server calls its members: it tells them what others say, and asks them questions. Three members
//! join over WebSockets.
//!
//! Run with: cargo run --example chat --features websocket

use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use rpc::{Client, Context, ErrorObject, InternalExt, Peer, Server};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// What the server does for its members.
#[rpc::service(namespace = "chat")]
trait Chat {
    /// Joins the room, and returns the names of those who are there.
    async fn join(&self, name: String, #[rpc(context)] cx: &Context) -> Result<Vec<String>, ErrorObject>;

    /// Says something to all members. What one member says arrives in the order in which it was said.
    #[rpc(ordered)]
    async fn say(&self, text: String, #[rpc(context)] cx: &Context);

    /// Asks all members, and returns how many agree.
    async fn vote(&self, question: String) -> usize;

    async fn leave(&self, #[rpc(context)] cx: &Context);
}

/// What each member does for the server.
#[rpc::service(namespace = "member")]
trait Member {
    #[rpc(ordered)]
    async fn message(&self, from: String, text: String);

    #[rpc(readonly, timeout = "5s")]
    async fn ask(&self, question: String) -> bool;
}

#[derive(Clone)]
struct Guest {
    name: String,
    peer: Peer,
    member: MemberClient,
}

#[derive(Default)]
struct Room(Mutex<Vec<Guest>>);

impl Room {
    /// Changes the list of guests, and drops those whose session has ended.
    fn guests<T>(&self, change: impl FnOnce(&mut Vec<Guest>) -> T) -> T {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| !guest.peer.has_ended());
        change(&mut guests)
    }
}

impl Chat for Room {
    async fn join(&self, name: String, cx: &Context) -> Result<Vec<String>, ErrorObject> {
        let guest = Guest { name, peer: cx.peer().internal()?, member: cx.peer().internal()? };
        Ok(self.guests(|guests| {
            guests.push(guest);
            guests.iter().map(|guest| guest.name.clone()).collect()
        }))
    }

    async fn say(&self, text: String, cx: &Context) {
        let Ok(speaker) = cx.peer::<Peer>() else { return };
        let guests = self.guests(|guests| guests.clone());
        let Some(Guest { name, .. }) = guests.iter().find(|guest| guest.peer == speaker) else { return };
        // One after the other would let a member that reads slowly delay the others.
        join_all(guests.iter().map(async |guest| {
            if let Err(error) = guest.member.message(name, &text).notify().await {
                println!("(the server could not reach {}: {error})", guest.name);
            }
        }))
        .await;
    }

    async fn vote(&self, question: String) -> usize {
        let guests = self.guests(|guests| guests.clone());
        let answers = join_all(guests.iter().map(|guest| guest.member.ask(&question).into_future())).await;
        answers.into_iter().filter(|answer| matches!(answer, Ok(true))).count()
    }

    async fn leave(&self, cx: &Context) {
        if let Ok(peer) = cx.peer::<Peer>() {
            self.guests(|guests| guests.retain(|guest| guest.peer != peer));
        }
    }
}

/// A member at a terminal.
struct Terminal {
    name: &'static str,
    is_hungry: bool,
    printed: UnboundedSender<()>,
}

impl Member for Terminal {
    async fn message(&self, from: String, text: String) {
        println!("[{}] {from}: {text}", self.name);
        let _ = self.printed.send(());
    }

    async fn ask(&self, question: String) -> bool {
        println!("[{}] {question} {}", self.name, if self.is_hungry { "Yes." } else { "No." });
        self.is_hungry
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(ChatServer::new(Room::default())).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let url = format!("ws://{}", server.local_addr());
    let (printed, mut prints) = unbounded_channel();
    let join = async |name, is_hungry| {
        let terminal = Terminal { name, is_hungry, printed: printed.clone() };
        let member = Server::builder().service(MemberServer::new(terminal)).build();
        let chat = ChatClient::new(Client::connect(url.clone()).serves(member).await?);
        println!("{name} joins: {}", chat.join(name).await?.join(", "));
        Ok::<_, Box<dyn std::error::Error>>(chat)
    };
    let (ada, bob, cyd) = (join("ada", true).await?, join("bob", false).await?, join("cyd", true).await?);

    ada.say("hello").notify().await?;
    ada.say("it is noon").notify().await?;
    for _ in 0..6 {
        prints.recv().await;
    }
    println!("{} of 3 agree", ada.vote("Lunch?").await?);

    // The connection ends with its client, and the room drops the guest.
    drop(cyd);
    bob.leave().await?;
    ada.say("nobody left").notify().await?;
    prints.recv().await;
    server.shutdown().await;
    Ok(())
}
