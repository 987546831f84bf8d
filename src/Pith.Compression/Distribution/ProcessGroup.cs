using System.Runtime.InteropServices;

namespace Pith.Compression.Distribution;

/// <summary>
/// Processes (ranks) that train one network together: each computes gradients of its part of a batch, all make the same update. What is reduced is summed in the order of ranks in double precision and rounded once,
/// each element by one rank, so that all ranks get the same bits and the same number of ranks always gives them again, whatever the network and its library do. Calls are collective: every rank makes the same ones in the same order.
/// One call at a time, on any thread.
/// </summary>
internal abstract class ProcessGroup
{
    private float[] _received = [];

    /// <summary>One process by itself.</summary>
    public static ProcessGroup Single { get; } = new SingleProcess();

    /// <summary>This process, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>The number of processes.</summary>
    public abstract int Size { get; }

    /// <summary>Threads of a rank while all work, unless the user wants another number; 0: one per processor.</summary>
    public virtual int Threads => 0;

    /// <summary>Whether this is the rank that writes files and speaks to the user.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Sends block i of <paramref name="sent"/> to rank i, and puts what comes from rank i into block i of <paramref name="received"/>.</summary>
    /// <param name="sent">As many blocks of equal length as there are ranks.</param>
    /// <param name="received">Of the same length; other memory.</param>
    protected abstract void ExchangeBlocks(ReadOnlySpan<byte> sent, Span<byte> received);

    /// <summary>Gives every rank the blocks of all, in the order of ranks.</summary>
    /// <param name="own">This rank's block, of the same length on each.</param>
    /// <param name="all">As many blocks as there are ranks.</param>
    protected abstract void Gather(ReadOnlySpan<byte> own, Span<byte> all);

    /// <summary>Gives every rank the first one's bytes.</summary>
    protected abstract void Broadcast(Span<byte> bytes);

    /// <summary>Waits until every rank has come here; sleeps meanwhile, since that may take as long as a step that one rank does alone.</summary>
    public abstract void Barrier();

    /// <summary>Replaces each element by its mean over all ranks.</summary>
    /// <param name="values">Its length is a multiple of <see cref="Size"/>, at most 2^31 bytes for each rank's share.</param>
    public void Average(Span<float> values)
    {
        if (Size == 1) return;
        if (values.Length % Size != 0) throw new ArgumentException($"{values.Length} elements cannot be shared by {Size} ranks.", nameof(values));
        // Each rank sums the share of the elements that is its own, then all get all shares: the least that can be sent.
        var share = values.Length / Size;
        if (_received.Length < values.Length) _received = new float[values.Length];
        var received = _received.AsSpan(0, values.Length);
        ExchangeBlocks(MemoryMarshal.AsBytes(values), MemoryMarshal.AsBytes(received));
        for (var i = 0; i < share; i++)
        {
            var sum = 0.0;
            for (var at = i; at < received.Length; at += share) sum += received[at];
            received[i] = (float)(sum / Size);
        }
        Gather(MemoryMarshal.AsBytes(received[..share]), MemoryMarshal.AsBytes(values));
    }

    /// <summary>Replaces each element by its sum over all ranks; for few elements.</summary>
    public void Sum(Span<double> values)
    {
        if (Size == 1) return;
        var all = new double[checked(values.Length * Size)];
        Gather(MemoryMarshal.AsBytes(values), MemoryMarshal.AsBytes(all.AsSpan()));
        values.Clear();
        for (var i = 0; i < all.Length; i++) values[i % values.Length] += all[i];
    }

    /// <summary>Whether any rank says so.</summary>
    public bool Any(bool own)
    {
        if (Size == 1) return own;
        Span<double> count = [own ? 1 : 0];
        Sum(count);
        return count[0] > 0;
    }

    /// <summary>What every rank says, in the order of ranks.</summary>
    public long[] GatherNumbers(long own) => GatherNumbers(new ReadOnlySpan<long>(in own));

    /// <summary>What every rank says, equally many numbers each, in the order of ranks.</summary>
    public long[] GatherNumbers(ReadOnlySpan<long> own)
    {
        if (Size == 1) return own.ToArray();
        var all = new long[own.Length * Size];
        Gather(MemoryMarshal.AsBytes(own), MemoryMarshal.AsBytes(all.AsSpan()));
        return all;
    }

    /// <summary>Gives every rank what the first one has.</summary>
    /// <param name="read">Called on the first rank only; null is passed on as null.</param>
    public byte[]? FromFirst(Func<byte[]?> read)
    {
        if (Size == 1) return read();
        var bytes = IsFirst ? read() : null;
        Span<byte> length = stackalloc byte[sizeof(long)];
        MemoryMarshal.Write(length, bytes?.LongLength ?? -1);
        Broadcast(length);
        var count = MemoryMarshal.Read<long>(length);
        if (count < 0) return null;
        bytes ??= new byte[count];
        // MPI counts in int.
        const int MostAtOnce = 1 << 30;
        for (var at = 0; at < bytes.Length; at += Math.Min(MostAtOnce, bytes.Length - at)) Broadcast(bytes.AsSpan(at, Math.Min(MostAtOnce, bytes.Length - at)));
        return bytes;
    }

    /// <summary>Nobody to talk to; the calls above return before they come here.</summary>
    private sealed class SingleProcess : ProcessGroup
    {
        public override int Rank => 0;

        public override int Size => 1;

        public override void Barrier() { }

        protected override void ExchangeBlocks(ReadOnlySpan<byte> sent, Span<byte> received) => sent.CopyTo(received);

        protected override void Gather(ReadOnlySpan<byte> own, Span<byte> all) => own.CopyTo(all);

        protected override void Broadcast(Span<byte> bytes) { }
    }
}
