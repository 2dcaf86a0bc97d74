#[cfg_attr(unix, ::rpc::__private::service_where(true, namespace = "chain"))]
#[cfg_attr(not(unix), ::rpc::__private::service_where(false, namespace = "chain"))]
pub trait Chain {
    #[cfg_attr(
        unix,
        deprecated,
        rpc(readonly),
        cfg_attr(feature = "node", doc = "Of a node.")
    )]
    fn height(
        &self,
        #[cfg_attr(feature = "node", rpc(default = 7))]
        #[cfg_attr(unix, allow(unused))]
        at: u64,
    );
}
