//! The one module with `unsafe`: calls of librdkafka that the Rust client doesn't wrap.
#![allow(unsafe_code)]

mod fetched;

pub(crate) use fetched::Message;
pub(super) use fetched::PartitionQueue;

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    ptr, slice,
    time::Duration,
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    bindings::{
        rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new,
        rd_kafka_AdminOptions_set_request_timeout, rd_kafka_DescribeTopics,
        rd_kafka_DescribeTopics_result_topics, rd_kafka_TopicCollection_destroy,
        rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_error,
        rd_kafka_TopicDescription_topic_id, rd_kafka_Uuid_base64str,
        rd_kafka_Uuid_least_significant_bits, rd_kafka_Uuid_most_significant_bits,
        rd_kafka_admin_op_t, rd_kafka_brokers_add, rd_kafka_brokers_learned_ids,
        rd_kafka_commit_queue, rd_kafka_error_code, rd_kafka_event_DescribeTopics_result,
        rd_kafka_event_destroy, rd_kafka_event_error, rd_kafka_event_t,
        rd_kafka_event_topic_partition_list, rd_kafka_get_watermark_offsets,
        rd_kafka_handle_mock_cluster, rd_kafka_header_get_all, rd_kafka_headers_t,
        rd_kafka_mem_free, rd_kafka_message_headers, rd_kafka_message_status, rd_kafka_message_t,
        rd_kafka_mock_group_initial_rebalance_delay_ms, rd_kafka_msg_status_t,
        rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll, rd_kafka_queue_t,
        rd_kafka_topic_partition_list_find,
    },
    client::Client,
    message::BorrowedMessage,
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};

/// Whether a message whose delivery failed is surely not in the log.
pub(super) fn is_surely_not_written(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the pointer belongs to `message`, which outlives the call; the call only reads it.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    status == rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED
}

/// Commits of a consumer, and what became of them: of those that nobody waits for, the Rust client's
/// own way never tells, and of the others it waits without end.
pub(super) struct Commits {
    queue: *mut rd_kafka_queue_t,
}

// SAFETY: a queue of the library may be used from any thread.
unsafe impl Send for Commits {}

impl Commits {
    /// Of that client; to be dropped before it.
    pub(super) fn of<C: ClientContext>(client: &Client<C>) -> Self {
        // SAFETY: the client keeps its handle alive during the call.
        Self { queue: unsafe { rd_kafka_queue_new(client.native_ptr()) } }
    }

    /// Puts a commit on its way; whether it could be.
    pub(super) fn send<C: ClientContext>(
        &self,
        client: &Client<C>,
        offsets: &TopicPartitionList,
    ) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: the handle, the list and the queue are alive; the library copies the list. Without
        // a callback what became of it is put into the queue.
        let answer = unsafe {
            rd_kafka_commit_queue(
                client.native_ptr(),
                offsets.ptr(),
                self.queue,
                None,
                ptr::null_mut(),
            )
        };
        told(answer)
    }

    /// What became of the oldest commit that is answered, or will be within that time.
    pub(super) fn answer(&self, within: Duration) -> Option<Result<(), RDKafkaErrorCode>> {
        let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive; the event is ours until it is destroyed, and null where there
        // is none. The list in it is the event's.
        unsafe {
            let event = rd_kafka_queue_poll(self.queue, millis);
            if event.is_null() {
                return None;
            }
            let mut answer = rd_kafka_event_error(event);
            let list = rd_kafka_event_topic_partition_list(event);
            if !list.is_null() {
                for i in 0..usize::try_from((*list).cnt).unwrap_or(0) {
                    let of_one = (*(*list).elems.add(i)).err;
                    if answer == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                        answer = of_one;
                    }
                }
            }
            rd_kafka_event_destroy(event);
            Some(told(answer))
        }
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        // SAFETY: ours, and used nowhere else.
        unsafe { rd_kafka_queue_destroy(self.queue) }
    }
}

/// What was committed beside an offset; `None` where that is no text, as another tool's may be: the
/// Rust client panics at it.
pub(super) fn metadata(list: &TopicPartitionList, topic: &str, partition: i32) -> Option<String> {
    let topic = CString::new(topic).ok()?;
    // SAFETY: the list is alive during both calls and its elements are its own; the metadata are as
    // many bytes as it says.
    unsafe {
        let found = rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        let element = found.as_ref()?;
        if element.metadata.is_null() {
            return None;
        }
        let bytes = slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size);
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

fn told(answer: RDKafkaRespErr) -> Result<(), RDKafkaErrorCode> {
    match answer {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        other => Err(other.into()),
    }
}

/// Whether the client knows brokers beside those that it was told of; asks nobody.
pub(super) fn knows_brokers<C: ClientContext>(client: &Client<C>) -> bool {
    let mut known = 0;
    // SAFETY: the client keeps its handle alive during both calls; the list of ids is ours to free.
    unsafe {
        let ids = rd_kafka_brokers_learned_ids(client.native_ptr(), &raw mut known);
        rd_kafka_mem_free(client.native_ptr(), ids.cast());
    }
    known > 0
}

/// Tells the client of brokers.
pub(super) fn add_brokers<C: ClientContext>(client: &Client<C>, brokers: &CStr) {
    // SAFETY: the client keeps its handle alive during the call, which copies the text.
    unsafe { rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
}

/// Offset behind a partition's last record, as the client last heard of it; asks nobody.
pub(super) fn known_end<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client keeps its handle alive during the call, which reads the name and writes the
    // two numbers.
    let error = unsafe {
        rd_kafka_get_watermark_offsets(
            client.native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// The id that the cluster gave a topic when it was made, as Kafka's tools write it; `None` where it
/// gives none.
pub(super) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    within: Duration,
) -> Result<Option<String>, RDKafkaErrorCode> {
    let Ok(topic) = CString::new(topic) else {
        return Err(RDKafkaErrorCode::UnknownTopicOrPartition);
    };
    let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    let mut names = [topic.as_ptr()];
    // SAFETY: the client keeps its handle alive during all of these calls. Names and options are
    // copied by the question; queue and event are ours, each destroyed once, and what is read of
    // the event is read before that.
    unsafe {
        let client = client.native_ptr();
        let queue = rd_kafka_queue_new(client);
        let options = rd_kafka_AdminOptions_new(
            client,
            rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        rd_kafka_AdminOptions_set_request_timeout(options, millis, ptr::null_mut(), 0);
        let topics = rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        rd_kafka_DescribeTopics(client, topics, options, queue);
        rd_kafka_TopicCollection_destroy(topics);
        rd_kafka_AdminOptions_destroy(options);
        // Answered by the library itself where the brokers don't.
        let event = rd_kafka_queue_poll(queue, millis.saturating_add(1_000));
        let answer = described_id(event);
        if !event.is_null() {
            rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
        answer
    }
}

/// What the answer about one topic says of its id.
///
/// # Safety
///
/// `event` is null, or alive.
unsafe fn described_id(event: *mut rd_kafka_event_t) -> Result<Option<String>, RDKafkaErrorCode> {
    if event.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    // SAFETY: the event is alive, and all that is read here is its own.
    unsafe {
        told(rd_kafka_event_error(event))?;
        let result = rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Ok(None);
        }
        let mut count = 0;
        let topics = rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if topics.is_null() || count == 0 {
            return Ok(None);
        }
        let topic = *topics;
        let error = rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            told(rd_kafka_error_code(error))?;
        }
        let id = rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null()
            || (rd_kafka_Uuid_most_significant_bits(id) == 0
                && rd_kafka_Uuid_least_significant_bits(id) == 0)
        {
            return Ok(None);
        }
        let text = rd_kafka_Uuid_base64str(id);
        Ok((!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned()))
    }
}

/// Lets new groups of the client's own mock cluster wait so long for more members, instead of 3 s.
/// Does nothing where the client has no mock cluster.
pub(super) fn form_groups_within<C: ClientContext>(client: &Client<C>, millis: i32) {
    // SAFETY: `client` keeps its handle, and the handle its mock cluster, alive during both calls.
    unsafe {
        let cluster = rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, millis);
        }
    }
}

/// The headers of a message as bytes: the Rust client panics at a name that isn't UTF-8.
pub(super) fn headers<'m>(message: &'m BorrowedMessage<'_>) -> Headers<'m> {
    Headers::of(native_headers(message.ptr()))
}

/// A message's list of headers; null where it has none.
fn native_headers(message: *const rd_kafka_message_t) -> *mut rd_kafka_headers_t {
    let mut native = ptr::null_mut();
    // SAFETY: whoever asks keeps the message alive. The list stays the message's.
    let error = unsafe { rd_kafka_message_headers(message, &raw mut native) };
    if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { native } else { ptr::null_mut() }
}

/// Names and values, in order.
pub(crate) struct Headers<'m> {
    native: *mut rd_kafka_headers_t,
    next: usize,
    message: PhantomData<&'m [u8]>,
}

impl Headers<'_> {
    /// Of a list that isn't freed as long as they are read.
    fn of(native: *mut rd_kafka_headers_t) -> Self {
        Self { native, next: 0, message: PhantomData }
    }
}

impl<'m> Iterator for Headers<'m> {
    type Item = (&'m [u8], &'m [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.native.is_null() {
            return None;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `native` is the message's list, and the message outlives this. Found, `name` is a
        // C string and `value` null or `size` bytes, both in the list's memory.
        unsafe {
            let error = rd_kafka_header_get_all(
                self.native,
                self.next,
                &raw mut name,
                &raw mut value,
                &raw mut size,
            );
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return None;
            }
            self.next += 1;
            let value: &[u8] =
                if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast(), size) };
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    }
}
