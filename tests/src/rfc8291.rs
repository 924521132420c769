//! Values of RFC 8291 appendix A: the example message with all intermediate results.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
pub const SENDER_PUBLIC: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
pub const RECEIVER_PUBLIC: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
pub const AUTH_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";
pub const SHARED_SECRET: &str = "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs";
pub const KEYING_MATERIAL: &str = "S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg";
pub const CONTENT_KEY: &str = "oIhVW04MRdy2XN9CiKLxTg";
pub const NONCE: &str = "4h_95klXJ5E_qnoN";
pub const BODY: &str = concat!(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A",
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
);

/// Decodes base64url without padding.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Decodes base64url of a known length.
pub fn bytes<const N: usize>(text: &str) -> [u8; N] {
    decode(text).try_into().unwrap()
}
