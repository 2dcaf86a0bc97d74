impl ::rpc::RpcError for UserError {
    const ERRORS: &'static ::rpc::ErrorSet = &::rpc::ErrorSet::new(&[]);
    fn to_error_object(&self) -> ::rpc::ErrorObject {
        ::core::unreachable!()
    }
    fn from_error_object(
        object: ::rpc::ErrorObject,
    ) -> ::core::result::Result<Self, ::rpc::ErrorObject> {
        ::core::result::Result::Err(object)
    }
}

::rpc::__private::client! {
    impl ::rpc::__private::DeclaredError for UserError {}
}

::core::compile_error! {
    "`Gone` needs a code: `#[rpc(code = 1001)]`, or `#[rpc(transparent)]`, or `#[rpc(internal)]`"
}
