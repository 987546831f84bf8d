using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Pith.Serving;

/// <summary>Bytes of bodies that are held at a time, of all requests together. Thread-safe.</summary>
internal sealed class ByteBudget(long limit)
{
    private long _used;

    public long Used => Interlocked.Read(ref _used);

    /// <summary>Takes bytes.</summary>
    /// <exception cref="RequestException">There are not as many left.</exception>
    public void Take(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= limit) return;
        Return(bytes);
        throw new RequestException(RequestFault.Overloaded, $"The server holds as many bytes of requests as it may ({limit}). Try again later, or send fewer at once.");
    }

    public void Return(long bytes) => Interlocked.Add(ref _used, -bytes);
}

/// <summary>The body of a request in one pooled array, which grows with what has arrived: a length that is only claimed takes no memory. Dispose it when nothing reads the bytes any more.</summary>
internal sealed class RequestBody : IDisposable
{
    // What is rented at once for a body that says it is as long; longer ones double from here.
    private const int FirstRent = 4 << 20;
    private const int UnknownRent = 4 << 10;

    private readonly ByteBudget _budget;
    private byte[] _buffer = [];
    private int _length;
    private int _taken;

    private RequestBody(ByteBudget budget) => _budget = budget;

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads a whole body. The connection's limits on size and rate hold.</summary>
    /// <param name="request">Whose body.</param>
    /// <param name="mostBytes">The largest that is taken.</param>
    /// <param name="budget">Where its bytes are taken from.</param>
    /// <param name="announced">What the first bytes say about the length of a body that has none in its headers; null while they do not.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RequestException">It is encoded, larger than allowed, or the server holds too much already.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, long mostBytes, ByteBudget budget, Func<ReadOnlyMemory<byte>, long?>? announced, CancellationToken cancellation)
    {
        if (request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity") throw RequestException.Invalid($"The body is encoded as '{request.Headers.ContentEncoding}'. Send it as it is.");
        if (request.ContentLength > mostBytes) throw TooLarge(mostBytes);
        var body = new RequestBody(budget);
        try
        {
            body.Grow(request.ContentLength is { } known ? (int)Math.Min(known, FirstRent) : UnknownRent);
            while (true)
            {
                // One byte more than it says, so that the end is seen without growing.
                if (body._length == body._buffer.Length) body.Grow((int)Math.Min(Math.Min(2L * body._buffer.Length, mostBytes + 1), Array.MaxLength));
                var read = await request.Body.ReadAsync(body._buffer.AsMemory(body._length), cancellation).ConfigureAwait(false);
                if (read == 0) return body;
                body._length += read;
                if (body._length > mostBytes) throw TooLarge(mostBytes);
                if (body._length == request.ContentLength) return body;
                if (announced?.Invoke(body.Bytes) is not { } length) continue;
                if (length > mostBytes) throw TooLarge(mostBytes);
                body.Grow((int)Math.Min(length, FirstRent));
                announced = null;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _budget.Return(_taken);
        (_buffer, _length, _taken) = ([], 0, 0);
    }

    private static RequestException TooLarge(long mostBytes) => new(RequestFault.TooLarge, $"The body is larger than the {mostBytes} bytes that this server takes. Split the request, or start the server with a larger --max-request.");

    private void Grow(int bytes)
    {
        if (bytes <= _buffer.Length) return;
        _budget.Take(bytes - _taken);
        _taken = bytes;
        var larger = ArrayPool<byte>.Shared.Rent(bytes);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
