//! The command line.

use std::process::ExitCode;

use tessera::{
    app::Application,
    clock::Clock,
    config::{self, Command, Config},
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match config::parse(std::env::args_os()) {
        Ok(Command::Serve(config)) => serve(*config),
        Ok(Command::Demo { .. }) => ExitCode::FAILURE,
        Err(exit) => exit.report(),
    }
}

fn serve(config: Config) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(config.log.as_str()))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let public_url = config.public_url.join("/");
    let served = actix_web::rt::System::new().block_on(async {
        let application = Application::build(config, Clock::System).await?;
        tracing::info!("listening on {}, open {public_url}", application.address());
        application.run().await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("tessera: {error}");
            ExitCode::FAILURE
        }
    }
}
