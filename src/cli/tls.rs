//! `tarmem tls init`: makes the certificates of a service and of a client, without another tool.

use super::output::{Failure, Output};
use clap::{Args, Subcommand};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::ServerName;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const EXAMPLE: &str = "\
Example:
  tarmem tls init certs --name db.example.org
  tarmem serve --tls-cert certs/server.pem --tls-key certs/server.key --tls-client-ca certs/ca.pem
  tarmem --addr tarmems://db.example.org:18813 --ca certs/ca.pem --cert certs/client.pem --key certs/client.key keys";

/// How long the CA's certificate is valid, in days.
const CA_DAYS: u32 = 3650;

/// Certificates are valid from this long before now, since clocks of hosts differ.
const BEFORE: Duration = Duration::from_secs(3600);

/// Make certificates for TLS
#[derive(Args)]
pub(super) struct Tls {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Init(Init),
}

/// Make a CA, and certificates signed by it for a service and a client, as files in DIR
///
/// The files are ca.pem, server.pem, client.pem, and their private keys ca.key, server.key and client.key, which only
/// their owner can read. Prints the path of each file. Keep ca.key away from the service: its holder can impersonate
/// any service or client.
///
/// Existing files are not overwritten.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
struct Init {
    /// The folder for the files; it is created if it does not exist
    dir: PathBuf,

    /// The names and addresses that clients know the service by
    #[arg(
        long = "name",
        value_name = "NAME,...",
        value_delimiter = ',',
        default_values = ["localhost", "127.0.0.1", "::1"],
        value_parser = host
    )]
    names: Vec<String>,

    /// The name of the client in its certificate
    #[arg(long, value_name = "NAME", default_value = "client", value_parser = common_name)]
    client: String,

    /// How long the certificates of the service and the client are valid; the CA's is valid for ten years
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 365,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(CA_DAYS))
    )]
    days: u32,
}

impl Tls {
    pub(super) fn run(self) -> Result<(), Failure> {
        let What::Init(init) = self.what;
        init.run()
    }
}

impl Init {
    fn run(self) -> Result<(), Failure> {
        let files = self.make().map_err(|error| Failure::failed(format!("a certificate cannot be made: {error}")))?;
        let files = files.map(|(name, text)| (self.dir.join(name), text));
        fs::create_dir_all(&self.dir)
            .map_err(|error| Failure::failed(format!("the folder {} cannot be made: {error}", self.dir.display())))?;
        // If any of the files exists, none is made.
        if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
            return Err(taken(path));
        }
        let mut output = Output::new();
        for (path, text) in &files {
            write_new(path, text)?;
            output.line(&path.to_string_lossy())?;
        }
        output.flush()
    }

    /// Makes the files: the CA's first, and each key before its certificate.
    fn make(&self) -> Result<[(&'static str, String); 6], rcgen::Error> {
        let (ca, mut params) = (KeyPair::generate()?, self.params("tarmem CA", CA_DAYS, Vec::new())?);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(params, ca)?;
        let signed = |name: &str, names: Vec<String>, usage| {
            let (key, mut params) = (KeyPair::generate()?, self.params(name, self.days, names)?);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![usage];
            params.use_authority_key_identifier_extension = true;
            let cert = params.signed_by(&key, &ca)?;
            Ok::<_, rcgen::Error>((key.serialize_pem(), cert.pem()))
        };
        let (server_key, server) = signed("tarmem service", self.names.clone(), ExtendedKeyUsagePurpose::ServerAuth)?;
        let (client_key, client) = signed(&self.client, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
        Ok([
            ("ca.key", ca.key().serialize_pem()),
            ("ca.pem", ca.pem()),
            ("server.key", server_key),
            ("server.pem", server),
            ("client.key", client_key),
            ("client.pem", client),
        ])
    }

    fn params(&self, name: &str, days: u32, names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let now = SystemTime::now();
        params.not_before = (now - BEFORE).into();
        params.not_after = (now + Duration::from_secs(u64::from(days) * 86_400)).into();
        Ok(params)
    }
}

/// Parses the name or address of a service, for its certificate.
fn host(name: &str) -> Result<String, String> {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    match ServerName::try_from(bare) {
        Ok(ServerName::IpAddress(_)) if bare.len() < name.len() => Err("an address must not begin with *.".to_owned()),
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(
            "a host's name or address without a port is needed, such as db.example.org, *.example.org, 192.0.2.1 or ::1"
                .to_owned(),
        ),
    }
}

/// Parses the name of a client, for its certificate. X.509 limits it to 64 characters.
fn common_name(name: &str) -> Result<String, String> {
    if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err("a name of 1 to 64 characters is needed".to_owned());
    }
    Ok(name.to_owned())
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mode = if path.extension().is_some_and(|extension| extension == "key") { 0o600 } else { 0o644 };
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => Failure::failed(format!("{} cannot be written: {error}", path.display())),
    })
}

fn taken(path: &Path) -> Failure {
    Failure::failed(format!(
        "{} exists already, and is not overwritten; name another folder, or remove the old files from this one",
        path.display()
    ))
}
