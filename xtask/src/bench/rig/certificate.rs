//! A certificate for nginx, of an authority that nobody else trusts: made by openssl, anew in each run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::programs::{Program, Programs};
use crate::process::read;

/// The files of a certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Whom to trust, as PEM.
    pub(crate) authority: PathBuf,
    /// What a server shows: one certificate, as PEM.
    pub(crate) shown: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// Bytes of what is shown, without PEM's dress.
    pub(crate) bytes: usize,
}

/// The name that it is made for, whatever the server's address.
pub(crate) const NAME: &str = "bench.test";

impl Certificate {
    /// Makes one of the usual kind, P-256, in a folder.
    ///
    /// # Errors
    /// When openssl is missing or fails.
    pub(crate) fn make(programs: &Programs, folder: &Path) -> Result<Self> {
        let openssl = programs.path(Program::Openssl)?;
        let within = |arguments: &str| {
            let mut command = Command::new(openssl);
            command.args(arguments.split(' ')).current_dir(folder);
            read(&mut command)
        };
        let extensions = folder.join("extensions.cnf");
        let said = format!("subjectAltName=DNS:{NAME}\nbasicConstraints=CA:FALSE\n");
        fs::write(&extensions, said)
            .with_context(|| format!("failed to write {}", extensions.display()))?;
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        within(&format!(
            "req -x509 {key} -days 30 -subj /CN=bench-authority -keyout authority.key -out authority.pem"
        ))?;
        within(&format!(
            "req {key} -subj /CN={NAME} -keyout server.key -out server.csr"
        ))?;
        within(
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 30 \
             -extfile extensions.cnf -out server.pem",
        )?;
        within("x509 -in server.pem -outform DER -out server.der")?;
        let bytes = fs::metadata(folder.join("server.der"))
            .context("openssl made no certificate")?
            .len() as usize;
        Ok(Self {
            authority: folder.join("authority.pem"),
            shown: folder.join("server.pem"),
            key: folder.join("server.key"),
            bytes,
        })
    }
}
