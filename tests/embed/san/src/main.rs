//! A provisioning tool that only clones a gold volume and says where it can be booted from.

use coldspare_san::memory::MemoryArray;
use coldspare_san::{Array, SecretKey, Size, VolumeSpec};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let portal = "10.20.0.1".parse()?;
    let key = SecretKey::new([7; 32]);
    let array = MemoryArray::new("ps6110".parse()?, [portal], key, MemoryArray::TRAITS);
    let size = Size::gibibytes(100).ok_or("no size")?;
    array
        .create(&VolumeSpec {
            name: "gold".parse()?,
            size,
            thin: true,
        })
        .await?;

    let image = array
        .clone_volume(&"gold".parse()?, &"exchange-3".parse()?, &|_| ())
        .await?;
    println!("boot from {}", image.boot_target(portal));
    let admissions = array.admissions().await?;
    assert!(
        admissions["exchange-3"].admitted.is_empty(),
        "a clone admits nobody"
    );
    Ok(())
}
