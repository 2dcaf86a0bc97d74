#[rpc::service(name = "user")]
trait UnknownKey {}

#[rpc::service("user")]
trait NotAKey {}

#[rpc::service(lenient = true)]
trait FlagWithValue {}

#[rpc::service(lenient, lenient)]
trait GivenTwice {}

#[rpc::service(namespace = "a" separator = "/")]
trait NoComma {}

#[rpc::service(namespace)]
trait NoValue {}

#[rpc::service(namespace = user)]
trait NotAString {}

#[rpc::service(namespace = "")]
trait EmptyNamespace {}

#[rpc::service(separator = "_")]
trait SeparatorAlone {}

#[rpc::service(rename_all = "camel")]
trait UnknownRule {}

#[rpc::service(params = "array")]
trait UnknownParams {}

#[rpc::service(crate = "::rpc")]
trait QuotedPath {}

#[rpc::service(crate = 5)]
trait NotAPath {}

#[rpc::service(namespace = "rpc")]
trait ReservedNamespace {
    fn discover(&self);
}

fn main() {}
