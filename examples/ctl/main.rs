//! Asks a controller on this machine.
//!
//! ```text
//! cargo run --release --example ctl -- status
//! cargo run --release --example ctl -- retarget exchange-1 --to r720-3
//! cargo run --release --example ctl -- apply --show site.toml
//! ```
//!
//! Exit status: 0 done, 3 refused, 2 bad input or no controller.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use coldspare::Reply;
use coldspare_examples::asking::{Answer, exchange};
use tokio::net::UnixStream;
use tokio::time::timeout;

mod arguments;
mod tables;

use arguments::Arguments;

/// Why there is no answer.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long a controller may take to answer. One whose store does not answer goes on trying.
const LIMIT: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(ask(&arguments)));
    match answer {
        Ok(answer) => show(&answer, arguments.json),
        Err(failure) => fail(&failure.to_string()),
    }
}

async fn ask(arguments: &Arguments) -> Result<Answer, Failure> {
    let request = arguments.request()?;
    let socket = arguments.socket.display();
    let no_controller = |error| format!("no controller answers at {socket}: {error}");
    let stream = UnixStream::connect(&arguments.socket).await;
    let stream = stream.map_err(no_controller)?;
    let answer = timeout(LIMIT, exchange(stream, &request)).await;
    let answer = answer.map_err(|_| {
        format!("no answer within {LIMIT:?}: what was asked may be recorded, or may still be")
    })?;
    Ok(answer?)
}

/// Tells the answer, and by the exit status how it went.
fn show(answer: &Answer, json: bool) -> ExitCode {
    let (text, status) = match answer {
        Answer::Reply(reply) => {
            let refused = matches!(reply, Reply::Refused(_));
            (tables::text(reply), if refused { 3 } else { 0 })
        }
        Answer::Bad(reason) => (format!("{reason}\n"), 2),
        Answer::Stopping => {
            let text = "the controller stops: what was asked may be recorded\n";
            (text.to_owned(), 2)
        }
    };
    let told = match status {
        _ if json => {
            let answer = serde_json::to_string(answer).unwrap_or_default();
            write(io::stdout(), &format!("{answer}\n"))
        }
        0 => write(io::stdout(), &text),
        _ => write(io::stderr(), &text),
    };
    match told {
        // Who reads it has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(status),
        Err(error) => fail(&format!("the answer cannot be written: {error}")),
        Ok(()) => ExitCode::from(status),
    }
}

fn write(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn fail(reason: &str) -> ExitCode {
    // Nobody reads it: the exit status says it too.
    let _ = write(io::stderr(), &format!("{reason}\n"));
    ExitCode::from(2)
}
