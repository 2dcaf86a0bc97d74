//! Clients that others wrote, subscribed to our server over WebSocket, in the older form. Each is a script. It takes
//! the steps of a test with its library, and prints what its user would see.

use serde_json::{Value, json};
use support::foreign::Language;

use crate::chain::{result, serve_chain};
use crate::script::run_script;

/// Clients of Ethereum.
const ETHEREUM: [&str; 3] = [ETHERS, "subscriber_viem.mjs", "subscriber_web3.mjs"];
const ETHERS: &str = "subscriber_ethers.mjs";
const RPC_WEBSOCKETS: &str = "subscriber_rpc_websockets.mjs";

/// Lets a client take these steps at a server of its own, and compares what its user sees with what is expected.
async fn expect(script: &str, steps: Value, seen: Value) {
    let url = format!("ws://{}", serve_chain().await);
    let Some(printed) = run_script((Language::JavaScript, script), &url, &steps.to_string()).await else { return };
    let printed: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{script}: {error}: {printed}"));
    assert_eq!(printed, seen, "{script}");
}

#[tokio::test]
async fn subscription_to_new_heads_goes_on_beside_calls_until_its_client_leaves() {
    for script in ETHEREUM {
        // ethers does not show the answer to `eth_unsubscribe`.
        let ended = if script == ETHERS { Value::Null } else { json!(true) };
        let steps = json!([
            {"watch": "newHeads"},
            {"call": "chain_watched", "params": [1]},
            {"call": "evm_mine", "params": [300]},
            {"take": 300},
            {"call": "eth_blockNumber"},
            {"call": "net_version"},
            {"call": "evm_mine"},
            {"take": 1},
            {"call": "eth_none"},
            {"unwatch": true},
            {"call": "chain_watched", "params": [0]},
            {"call": "evm_mine"},
            {"rest": true},
        ]);
        let numbers: Vec<u64> = (1..=300).collect();
        let seen = json!([
            null,
            result(1),
            result(300),
            numbers,
            result("0x12c"),
            result("1337"),
            result(301),
            [301],
            {"error": -32601},
            ended,
            result(0),
            result(302),
            [],
        ]);
        expect(script, steps, seen).await;
    }
}

#[tokio::test]
async fn blocks_are_watched_as_the_library_watches_them() {
    for script in ETHEREUM {
        let steps = json!([
            {"watch": "blocks"},
            {"call": "chain_watched", "params": [1]},
            {"call": "evm_mine"},
            {"take": 1},
            {"call": "evm_mine"},
            {"take": 1},
            {"unwatch": true},
            {"call": "chain_watched", "params": [0]},
        ]);
        let seen = json!([null, result(1), result(1), [1], result(2), [2], null, result(0)]);
        expect(script, steps, seen).await;
    }
}

#[tokio::test]
async fn stream_that_ends_leaves_its_connection_open() {
    for script in ETHEREUM {
        let ended = if script == ETHERS { Value::Null } else { json!(false) };
        let steps = json!([
            {"watch": "past", "params": [4]},
            {"take": 5},
            {"call": "eth_chainId"},
            {"unwatch": true},
            {"call": "eth_chainId"},
        ]);
        expect(script, steps, json!([null, [0, 1, 2, 3, 4], result("0x539"), ended, result("0x539")])).await;
    }
    let steps = json!([{"watch": "count", "params": [5]}, {"take": 5}, {"unwatch": true}, {"call": "eth_chainId"}]);
    expect(RPC_WEBSOCKETS, steps, json!([null, [0, 1, 2, 3, 4], false, result("0x539")])).await;
}

#[tokio::test]
async fn items_of_a_plain_subscription_have_the_name_of_the_method() {
    let steps = json!([
        {"watch": "ticks"},
        {"take": 1},
        {"call": "evm_mine", "params": [100]},
        {"take": 100},
        {"unwatch": true},
        {"unwatch": true},
        {"call": "chain_watched", "params": [0]},
        {"call": "evm_mine"},
        {"rest": true},
    ]);
    let numbers: Vec<u64> = (1..=100).collect();
    let seen = json!([null, [0], result(100), numbers, true, false, result(0), result(101), []]);
    expect(RPC_WEBSOCKETS, steps, seen).await;
}

#[tokio::test]
async fn shutdown_closes_the_connection_of_a_subscriber_with_1001() {
    let ethereum = ETHEREUM.map(|script| (script, "newHeads"));
    for (script, topic) in ethereum.into_iter().chain([(RPC_WEBSOCKETS, "ticks")]) {
        let steps = json!([
            {"watch": topic},
            {"call": "chain_watched", "params": [1]},
            {"call": "chain_stop"},
            {"closed": true},
        ]);
        expect(script, steps, json!([null, result(1), result(true), 1001])).await;
    }
}
