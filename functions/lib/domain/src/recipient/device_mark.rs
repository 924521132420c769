//! Device marks: three bytes that distinguish a recipient's devices in the token of a receipt, which must be short.

use ring::digest::{SHA256, digest};

/// First bytes of the SHA-256 hash of a device's id. Among 88,000 recipients with 20 devices, one has two devices with
/// the same mark. A receipt then counts as use of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMark([u8; Self::BYTES]);

impl DeviceMark {
    /// Length of a mark, in bytes.
    pub const BYTES: usize = 3;

    /// Returns the mark of a device's id.
    #[must_use]
    pub fn of(device_id: &str) -> Self {
        let mut mark = [0; Self::BYTES];
        mark.copy_from_slice(&digest(&SHA256, device_id.as_bytes()).as_ref()[..Self::BYTES]);
        Self(mark)
    }

    /// Returns the mark with these stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}
