//! Certificates for tests, made as they are needed.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Signs certificates, and keeps them as files in a folder that is removed when this is dropped.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// The files of one certificate.
pub struct Identity {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tarmem-authority-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("sound");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root: Certificate = params.self_signed(&key).expect("signed");
        fs::write(folder.join("ca.pem"), root.pem()).expect("written");
        Authority { issuer: Issuer::new(params, key), folder }
    }

    /// The file with its own certificate.
    pub fn root(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for a host's name.
    pub fn identity(&self, name: &str) -> Identity {
        self.identity_but(name, |_| {})
    }

    /// The same, with some changes.
    pub fn identity_but(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("sound");
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).expect("signed");
        let files = Identity { cert: self.file(name, "pem"), key: self.file(name, "key") };
        fs::write(&files.cert, cert.pem()).expect("written");
        fs::write(&files.key, key.serialize_pem()).expect("written");
        files
    }

    pub fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{name}.{extension}"))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
