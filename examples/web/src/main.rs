//! A web server whose handlers share one session: it counts the visits of each page in a dict of the service.
//!
//! ```text
//! cargo run --release -p web -- localhost:18813 127.0.0.1:8080
//! ```

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::error::Error;
use tarmem::modules::Exception;
use tarmem::modules::builtins::DictProxy;
use tarmem::{CallError, Session};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().unwrap_or_else(|| "localhost:18813".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let session = Session::connect(service).await?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(session)).await?;
    Ok(())
}

fn router(session: Session) -> Router {
    Router::new().route("/visits/{page}", post(visit)).with_state(AppState { session })
}

/// What axum gives each handler: a clone for each request, and still one session.
#[derive(Clone)]
struct AppState {
    session: Session,
}

/// Counts a visit of the page, and responds with its number.
async fn visit(State(state): State<AppState>, Path(page): Path<String>) -> Result<String, Failed> {
    let visits = state.session.memoize("visits", DictProxy::default()).await?;
    let number: i64 = visits.incr(page, 1).await?;
    Ok(format!("visit number {number}\n"))
}

/// An error of a call, as the response to the request that needed the call.
struct Failed(CallError<Exception>);

impl From<CallError<Exception>> for Failed {
    fn from(error: CallError<Exception>) -> Self {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Failed(error) = self;
        let status = if error.is_timeout() {
            StatusCode::GATEWAY_TIMEOUT
        } else if error.is_retryable() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        (status, format!("{error}\n")).into_response()
    }
}

#[cfg(test)]
mod tests;
