// Package s3backend is the bucket: the last step of the read path, and the only
// package that knows of HTTP and of S3's dialects.
//
// It promises that a body handed out by [Bucket.Open] is exactly the bytes asked
// for of exactly the version asked for, or an error: status, Content-Range,
// total size, length and ETag of every answer are compared with the question,
// because the SDK and some servers let wrong answers through. A connection that
// breaks or stalls is resumed from the byte reached, and what somebody waits for is
// asked again, once in a while, when it is only late (hedges). A version that was
// replaced is read by its id, for which a bucket that keeps versions is asked where only
// the bytes are known (formers).
//
// Every call ends within its time: one loop (series) makes all attempts, with
// jittered back-off, and when the server throttles, a pacer holds back the whole
// client and not only the request that was refused; guesses (AsGuess) give way to
// demands. Credentials that the server calls expired are fetched anew once from where they came from; a region that
// was not configured is learnt.
//
// When nothing is answered any more ([Client.Trouble]) calls fail sooner, at once those
// whose callers have another answer (WithFallback), and a question of its own, every
// 5 s, finds out when the server is back.
//
// It never caches, never writes to a bucket, and never retries past the
// caller's context. Errors leave it as the sentinels of errors.go inside an
// [OpError]; no caller has to look at an HTTP status or at a message.
//
// Its neighbour on the read path is package blockcache, which calls Open.
// Package catalog (names and attributes) calls Head, List and Pages, package asof
// (a bucket as it was) Versions. Package s3test holds a bucket in memory, a server and the conformance suite of the contract.
package s3backend
