//! What was fetched of a partition, many messages at a time and where the library put them. The Rust
//! client takes its queue's lock for each message, and binds each to a borrow of the consumer.

use std::{
    any::Any,
    ffi::{CString, c_void},
    ptr::{self, NonNull},
    slice,
    sync::{Arc, OnceLock, mpsc::SyncSender},
};

use rdkafka::{
    ClientContext,
    bindings::{
        rd_kafka_consume_batch_queue, rd_kafka_headers_t, rd_kafka_message_destroy,
        rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_queue_cb_event_enable,
        rd_kafka_queue_destroy, rd_kafka_queue_forward, rd_kafka_queue_get_partition,
        rd_kafka_queue_t, rd_kafka_t, rd_kafka_timestamp_type_t,
    },
    client::Client,
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};

use super::{Headers, native_headers};

/// A partition's own queue: its messages go there, and no more to the consumer's.
pub(in crate::kafka) struct PartitionQueue {
    queue: NonNull<rd_kafka_queue_t>,
    /// The library holds a pointer to it.
    _wake: Box<SyncSender<()>>,
    /// Lives as long as any of its messages does.
    consumer: Arc<dyn Any + Send + Sync>,
}

// SAFETY: a queue of the library may be used from any thread, and its callback only sends.
unsafe impl Send for PartitionQueue {}

impl PartitionQueue {
    /// Splits it off; `wake` is sent to when something comes while it is empty. `consumer` is what
    /// keeps `client` alive.
    pub(in crate::kafka) fn split<C: ClientContext>(
        client: &Client<C>,
        consumer: Arc<dyn Any + Send + Sync>,
        topic: &str,
        partition: i32,
        wake: SyncSender<()>,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let wake = Box::new(wake);
        // SAFETY: the client is alive, as `consumer` is kept; the queue is ours until it is
        // destroyed. The callback gets a pointer into the box, which is dropped only after it was
        // taken away.
        unsafe {
            let queue = NonNull::new(rd_kafka_queue_get_partition(
                client.native_ptr(),
                topic.as_ptr(),
                partition,
            ))?;
            rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            let told = ptr::from_ref(&*wake).cast_mut().cast();
            rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_nonempty), told);
            Some(Self { queue, _wake: wake, consumer })
        }
    }

    /// The next `most` that are there, in order; an error stands where it happened.
    pub(in crate::kafka) fn take(
        &self,
        most: usize,
        mut each: impl FnMut(Result<Message, RDKafkaErrorCode>),
    ) {
        let mut taken = Vec::<*mut rd_kafka_message_t>::with_capacity(most);
        // SAFETY: the queue is alive, and the library writes at most `most` pointers, and says how
        // many; below zero it wrote none. Each message is ours from then on.
        unsafe {
            let queue = self.queue.as_ptr();
            let count = rd_kafka_consume_batch_queue(queue, 0, taken.as_mut_ptr(), most);
            taken.set_len(usize::try_from(count).unwrap_or(0).min(most));
        }
        for message in taken.into_iter().filter_map(NonNull::new) {
            let (headers, consumer) = (OnceLock::new(), Arc::clone(&self.consumer));
            let message = Message { message, headers, _consumer: consumer };
            each(match message.get().err {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(message),
                error => Err(error.into()),
            });
        }
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: ours, and used nowhere else; the callback is taken away before what it is given.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Wakes whoever takes from the queue.
unsafe extern "C" fn on_nonempty(_: *mut rd_kafka_t, wake: *mut c_void) {
    // SAFETY: what `split` gave, which outlives the callback.
    let wake = unsafe { &*wake.cast::<SyncSender<()>>() };
    // Full means that a wake-up is waiting already.
    let _ = wake.try_send(());
}

/// A message in the library's memory. Keeps what was fetched together with it, which may be a
/// mebibyte: for as long as it is looked at only.
pub(crate) struct Message {
    message: NonNull<rd_kafka_message_t>,
    /// The library reads them when they are asked for first, and may not be asked twice at once.
    headers: OnceLock<Native>,
    /// The library wants its messages back before the consumer is destroyed.
    _consumer: Arc<dyn Any + Send + Sync>,
}

/// A message's list of headers, which is the message's.
struct Native(*mut rd_kafka_headers_t);

// SAFETY: a message may be read and destroyed on any thread; the one thing that changes it when it is
// read is behind a lock.
unsafe impl Send for Message {}
// SAFETY: as above.
unsafe impl Sync for Message {}
// SAFETY: only read, as long as its message lives.
unsafe impl Send for Native {}
// SAFETY: as above.
unsafe impl Sync for Native {}

impl Message {
    pub(crate) fn offset(&self) -> i64 {
        self.get().offset
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        let message = self.get();
        self.bytes(message.key, message.key_len)
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        let message = self.get();
        self.bytes(message.payload, message.len)
    }

    pub(crate) fn timestamp_ms(&self) -> Option<i64> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and only read.
        let millis = unsafe { rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        (millis >= 0).then_some(millis)
    }

    pub(crate) fn headers(&self) -> Headers<'_> {
        let read = || Native(native_headers(self.message.as_ptr()));
        Headers::of(self.headers.get_or_init(read).0)
    }

    fn get(&self) -> &rd_kafka_message_t {
        // SAFETY: alive until this is dropped.
        unsafe { self.message.as_ref() }
    }

    fn bytes(&self, start: *mut c_void, len: usize) -> Option<&[u8]> {
        // SAFETY: the message's key or payload, null or so many bytes, which live as long as it does.
        (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), len) })
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe { rd_kafka_message_destroy(self.message.as_ptr()) }
    }
}
