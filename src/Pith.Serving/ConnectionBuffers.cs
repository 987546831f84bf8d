using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace Pith.Serving;

/// <summary>
/// Buffers of connections. Kestrel's own hold 4 KiB, and each is filled by a system call of its own: 150 of them for the 600 kB of an image's tensor. These hold 64 KiB, one for each connection that waits.
/// </summary>
internal sealed class ConnectionBuffers : IMemoryPoolFactory<byte>
{
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool();

    private sealed class Pool : MemoryPool<byte>
    {
        private const int BlockBytes = 64 << 10;

        // 8 MiB stay when nothing is going on.
        private const int MostKept = 128;

        // The last one that was returned is the first to be used again: it is still in the processor's cache.
        private readonly Block?[] _free = new Block?[MostKept];
        private readonly Lock _gate = new();
        private int _kept;

        public override int MaxBufferSize => BlockBytes;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
            lock (_gate)
                if (_kept > 0) return _free[--_kept]!;
            return new Block(this);
        }

        protected override void Dispose(bool disposing)
        {
            lock (_gate)
            {
                Array.Clear(_free);
                _kept = 0;
            }
        }

        private void Return(Block block)
        {
            lock (_gate)
                if (_kept < MostKept) _free[_kept++] = block;
        }

        // Pinned, because the system writes into it.
        private sealed class Block(Pool pool) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

            public void Dispose() => pool.Return(this);
        }
    }
}
