//! Mistakes inside `cfg_attr` are reported once each, as those outside are.
#![deny(warnings)]

#[rpc::service(what)]
trait Users {
    #[cfg_attr(all(), rpc(read_only))]
    #[cfg_attr(any(), rpc(not_looked_at))]
    fn get(&self, #[cfg_attr(all(), rpc(default))] id: u64);

    #[cfg_attr(all(), rpc(readonly))]
    #[rpc(idempotent)]
    fn both(&self);

    fn conditional(&self, #[cfg_attr(all(), cfg(all()))] id: u64);

    fn on_self(#[cfg_attr(all(), rpc(name = "me"))] &self);
}

#[rpc::service]
trait Deprecated {
    #[cfg_attr(all(), deprecated(note = "use `new`"))]
    fn old(&self);
}

#[rpc::service]
#[cfg_attr(all(), deprecated(note = "use `Deprecated`"))]
trait Gone {
    fn get(&self);
}

#[rpc::service]
trait Malformed {
    #[cfg_attr]
    fn get(&self);
}

fn calls(client: rpc::Client) {
    let _ = DeprecatedClient::new(client.clone()).old();
    let _ = GoneClient::new(client);
}

fn main() {}
