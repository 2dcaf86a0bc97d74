//! `rpc describe`: a method with its params, result and errors, or the server as a whole.

mod command_line;
mod method_json;
mod method_text;
mod page;
mod schemas;
mod server_text;

use clap::Args;
use rpc::openrpc::{Description, Method};

use crate::connection::ConnectionArgs;
use crate::description;
use crate::error::CliError;
use crate::escape::is_control;
use crate::exit::Exit;
use crate::nearest::{list, nearest};
use crate::output::Output;
use crate::target::Target;
use page::Page;

/// Describe a method: params, result, errors
///
/// Without a method, describes the server. With --json, a method is its object in the OpenRPC document, with the
/// schemas that it needs as the member components.
#[derive(Args, Debug)]
#[command(after_help = "\
URL may also be a file or the address of an OpenRPC document, and - for standard input.

Examples:
  rpc describe http://127.0.0.1:8080 user.get
  rpc describe @prod
  rpc describe openrpc.json user.get --json")]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// The name of the method
    method: Option<String>,
}

pub(super) async fn run(args: &DescribeArgs, output: &mut Output) -> Result<Exit, CliError> {
    let description = description::of_target(&args.connection).await?;
    let Some(name) = &args.method else {
        if output.is_json() {
            output.json(&server_text::json(&description))?;
        } else {
            let mut page = Page::new(output.has_colors());
            server_text::write(&description, &mut page);
            output.line(page.text())?;
        }
        return Ok(Exit::Success);
    };
    let method = description.method(name).ok_or_else(|| unknown(name, &description))?;
    if output.is_json() {
        output.json(&method_json::json(method, &description)?)?;
    } else {
        let mut page = Page::new(output.has_colors());
        method_text::write(method, &description, &mut page);
        let target = shown_target(&args.connection.target, method);
        let example = command_line::example(&target, method, &description);
        // What a terminal would not show as it is cannot be copied from it.
        if let Some(line) = example.filter(|line| !line.contains(is_control)) {
            page.head("Example");
            page.line(&line);
            if matches!(&args.connection.target, Target::Url(url) if *url != target) {
                page.gap();
                page.line("The user and the query of the address are left out: they may be secrets.");
            }
        }
        output.line(page.text())?;
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, description: &Description) -> CliError {
    let near = nearest(name, description.methods().map(|method| method.name()));
    let hint = match &*near {
        [] => "`rpc list` shows all methods".to_owned(),
        near => format!("did you mean {}?", list(near)),
    };
    CliError::usage(format!("there is no method {name:?}: {hint}"))
}

/// Returns the server of a command line as the example names it.
fn shown_target(target: &Target, method: Method<'_>) -> String {
    match target {
        Target::Url(url) => description::shown(url),
        Target::Profile(name) => format!("@{name}"),
        Target::File(_) | Target::Wrong(_) => {
            let url = method.servers().first().map(|server| server.url.as_str());
            url.filter(|url| url.starts_with("http") && !url.contains('{')).unwrap_or("URL").to_owned()
        }
    }
}
