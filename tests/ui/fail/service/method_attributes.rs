#[rpc::service]
trait Users {
    #[rpc]
    fn bare(&self);

    #[rpc = "get"]
    fn name_value(&self);

    #[rpc(lenient, rename = "x")]
    fn unknown_keys(&self);

    #[rpc(readonly = true)]
    fn flag_with_value(&self);

    #[rpc(readonly)]
    #[rpc(readonly)]
    fn given_twice(&self);

    #[rpc(readonly, idempotent)]
    fn readonly_and_idempotent(&self);

    #[rpc(name)]
    fn no_name(&self);

    #[rpc(name = "", alias = "")]
    fn empty_names(&self);

    #[rpc(timeout = 2)]
    fn timeout_without_quotes(&self);

    #[rpc(timeout = "2")]
    fn timeout_without_unit(&self);

    #[rpc(timeout = "1.5s")]
    fn timeout_with_a_fraction(&self);

    #[rpc(timeout = "0s")]
    fn no_time(&self);

    #[rpc(timeout = "18446744073709551615h")]
    fn too_long(&self);

    #[rpc(requires = "")]
    fn requires_an_empty_role(&self);

    #[rpc(requires("admin"))]
    fn requires_in_parentheses(&self);

    #[rpc(requires = admin)]
    fn requires_without_quotes(&self);

    fn on_self(#[rpc(name = "me")] &self);
}

fn main() {}
