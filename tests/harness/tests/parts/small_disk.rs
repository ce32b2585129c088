use std::{fs, io::ErrorKind};

use orderly_harness::{SmallDisk, need};

#[test]
fn a_small_disk_takes_nothing_while_it_is_full_and_everything_again_afterwards() {
    let disk = need!(SmallDisk::mount(2));
    let (file, some) = (disk.path().join("file"), vec![7; 100_000]);
    fs::write(&file, &some).unwrap();
    let filler = disk.fill().unwrap();
    let refused = fs::write(disk.path().join("more"), &some).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    assert_eq!(fs::read(&file).unwrap(), some);
    drop(filler);
    fs::write(disk.path().join("more"), &some).unwrap();
    let path = disk.path().to_owned();
    drop(disk);
    assert!(!path.exists());
}
