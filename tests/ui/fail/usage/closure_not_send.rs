use std::rc::Rc;

use rpc::Server;

fn main() {
    let _ = Server::builder()
        .method("ping", || async {
            let answer = Rc::new("pong");
            std::future::ready(()).await;
            answer.to_string()
        })
        .build();
}
