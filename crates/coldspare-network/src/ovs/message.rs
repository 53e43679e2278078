//! JSON-RPC 1.0 messages as values (RFC 7047, 4).

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;

pub(super) fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "id": id, "method": method, "params": params })
}

/// What came in while a reply was awaited.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// The reply.
    Reply(Value),
    /// The server asks whether we are still there, and this is what it wants to hear.
    Echo(Value),
}

#[derive(Deserialize)]
struct Message {
    id: Value,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Value,
}

/// What the server said, if it is an echo or the reply to that request: we ask for nothing else.
pub(super) fn incoming(text: &[u8], awaited: u64) -> Result<Incoming, Failure> {
    let message: Message = serde_json::from_slice(text)?;
    match message.method.as_deref() {
        Some("echo") => Ok(Incoming::Echo(
            json!({ "id": message.id, "result": message.params, "error": null }),
        )),
        Some(method) => Err(Failure::unexpected(format!("a call of {}", cut(method)))),
        None if message.id != awaited => {
            let id = message.id.to_string();
            Err(Failure::unexpected(format!("a reply to {}", cut(&id))))
        }
        None if !message.error.is_null() => Err(refusal(&message.error)),
        None => Ok(Incoming::Reply(message.result)),
    }
}

/// The results of a transaction's operations, if all were done.
pub(super) fn results(reply: Value, operations: usize) -> Result<Vec<Value>, Failure> {
    let Value::Array(results) = reply else {
        return Err(Failure::unexpected("no list of results"));
    };
    // The error of a commit comes after the results of all operations.
    if let Some(error) = results.iter().find(|result| result.get("error").is_some()) {
        return Err(refusal(error));
    }
    if results.len() != operations {
        return Err(Failure::unexpected(
            "another number of results than was asked for",
        ));
    }
    Ok(results)
}

fn refusal(error: &Value) -> Failure {
    let text = |key| error.get(key).and_then(Value::as_str).map(cut);
    Failure::Refused {
        error: text("error").unwrap_or_else(|| cut(&error.to_string())),
        details: text("details").unwrap_or_default(),
    }
}

/// What a stranger wrote, at a length that can be printed.
fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
