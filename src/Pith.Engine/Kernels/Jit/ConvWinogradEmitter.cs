using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// 3x3 windows of stride 1 by F(m x m, 3x3) of Lavin and Gray (arXiv 1509.09308), in integers. A tile is m x m outputs A'[(G g G') * (B' d B)]A of (m + 2) x (m + 2) inputs d: for each input channel it
/// takes (m + 2)^2 products where the plain sum has 9 m^2. G is scaled to integers; results are then too large by a factor, and the division is exact. For a block of tiles, B' d B of all channels
/// goes to scratch memory as words; then, for each panel of output channels, each of the (m + 2)^2 positions is a matrix product of tiles by channels (<see cref="WordProducts"/>), and A' brings
/// a tile's sums to its accumulators. Weights are packed as [positions][channels / 2][16][2] words.
/// </summary>
/// <remarks>
/// Transformed inputs and weights fit 16 bits, which each of the derived emitters proves. Sums may wrap: what follows is made of sums, differences and products by integers only, so its
/// results are right modulo 2^32, and for the layers that <see cref="Tactics.WinogradKernels"/> accept these fit 32 bits before they are divided.
/// </remarks>
internal abstract class ConvWinogradEmitter(ConvKernelSpec spec) : VexBlockEmitter(spec)
{
    /// <summary>Rows and columns of a window.</summary>
    public const int Window = 3;

    /// <summary>Scratch memory of a thread.</summary>
    public const int ScratchBytes = 576 << 10;

    // Transformed tiles of a block stay in the second-level cache, and its sums in the first.
    private const int BlockBytes = 192 << 10, BlockSumBytes = 28 << 10;

    // Steps of the matrix product in a loop's body; divides the channels of all layers.
    private const int Unrolled = 4;

    /// <summary>Channels whose inputs are transformed at once.</summary>
    protected const int ChunkBytes = 16;

    /// <summary>Bytes of a position's sums for a tile.</summary>
    protected const int SumBytes = PanelShape.Lanes * sizeof(int);

    private static readonly AssemblerRegister64 s_step = rdi, s_sums = r14, s_groupSums = r15, s_tilesLeft = rax;

    /// <summary>Rows and columns of a tile's input, and of its transform.</summary>
    protected int Size => Spec.Block.Rows + Window - 1;

    private int Positions => Size * Size;

    private int TileSumBytes => Positions * SumBytes;

    // Bytes of a pixel, of which padding channels are some.
    private int Channels => Spec.Block.InputColumn;

    // Bytes of one position of a transformed tile.
    private int TileBytes => BytesOf(Channels);

    // Not a power of two: the positions of a tile would share a few lines of the cache.
    private int PositionBytes => LastPassBlocks * TileBytes + 64;

    private int PositionWeightBytes => Channels / WordProducts.StepChannels * WordProducts.WeightStepBytes;

    protected override int PanelWeightBytes => Positions * PositionWeightBytes;

    protected override int PassBlocks => BlockOf(Channels, Spec.Block.Rows);

    // A short block at the end would need all weights for a few tiles.
    protected override int LastPassBlocks => LastBlockOf(PassBlocks);

    /// <summary>Whether a block of tiles fits scratch memory.</summary>
    /// <param name="channels">Bytes of a pixel.</param>
    /// <param name="outputs">Rows and columns of a tile.</param>
    public static bool FitsScratch(int channels, int outputs)
    {
        var (positions, tiles) = ((outputs + Window - 1) * (outputs + Window - 1), LastBlockOf(BlockOf(channels, outputs)));
        return positions * (tiles * BytesOf(channels) + 64 + tiles * SumBytes) <= ScratchBytes;
    }

    private static int BytesOf(int channels) => EvenParts.Count(channels, ChunkBytes) * ChunkBytes * sizeof(short);

    private static int BlockOf(int channels, int outputs)
    {
        var positions = (outputs + Window - 1) * (outputs + Window - 1);
        return Math.Max(1, Math.Min(BlockBytes / (positions * BytesOf(channels)), BlockSumBytes / (positions * SumBytes)) / LargestBlock) * LargestBlock;
    }

    private static int LastBlockOf(int tiles) => tiles * 3 / 2;

    /// <summary>Emits the transform of <see cref="ChunkBytes"/> channels of a tile from <see cref="Bytes"/> to <see cref="Transformed"/>, with all vector registers.</summary>
    protected abstract void TransformInput();

    /// <summary>The channels of a pixel of a tile.</summary>
    protected AssemblerMemoryOperand Bytes(int row, int column) => __xmmword_ptr[Pixel + (row * Spec.Reduction.RowBytes + column * Spec.Block.InputColumn)];

    /// <summary>Where they go to.</summary>
    protected AssemblerMemoryOperand Transformed(int row, int column) => __ymmword_ptr[Weight + (row * Size + column) * PositionBytes];

    protected override void OpenPass() => ToScratch(() =>
        WindowLoop.Repeat(Asm, s_step, TileBytes / VectorBytes, () =>
        {
            TransformInput();
            Asm.add(Pixel, ChunkBytes);
            Asm.add(Weight, VectorBytes);
        }));

    // The matrix products of a panel on the block: sums to scratch memory after the transformed tiles, [tiles][positions][16 channels].
    protected override void OpenPanel()
    {
        Asm.mov(Input, Field<ConvKernelArgs>(rax, nameof(ConvKernelArgs.Scratch)));
        Asm.mov(Weight, Weights);
        Asm.lea(s_sums, __[Input + Positions * PositionBytes]);
        WindowLoop.Repeat(Asm, Row, Positions, () =>
        {
            Asm.mov(Pixel, Input);
            Asm.mov(s_groupSums, s_sums);
            Asm.mov(s_tilesLeft, PassCount);
            GroupsOfTiles();
            Asm.add(Input, PositionBytes);
            Asm.add(s_sums, SumBytes);
            Asm.add(Weight, PositionWeightBytes);
        });
    }

    // As many full groups as there are, then one of the rest.
    private void GroupsOfTiles()
    {
        var (full, rest, end) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.cmp(s_tilesLeft, LargestBlock);
        Asm.jl(rest);
        Asm.Label(ref full);
        Group(LargestBlock);
        Asm.add(Pixel, LargestBlock * TileBytes);
        Asm.add(s_groupSums, LargestBlock * TileSumBytes);
        Asm.sub(s_tilesLeft, LargestBlock);
        Asm.cmp(s_tilesLeft, LargestBlock);
        Asm.jge(full);
        Asm.Label(ref rest);
        for (var tiles = LargestBlock - 1; tiles > 1; tiles--)
        {
            var fewer = Asm.CreateLabel();
            Asm.cmp(s_tilesLeft, tiles);
            Asm.jl(fewer);
            Group(tiles);
            Asm.jmp(end);
            Asm.Label(ref fewer);
        }
        Asm.test(s_tilesLeft, s_tilesLeft);
        Asm.je(end);
        Group(1);
        Asm.Label(ref end);
    }

    // One position of some tiles; leaves addresses as they were.
    private void Group(int tiles)
    {
        for (var i = 0; i < tiles * Vectors; i++) Asm.vpxor(Ymm(i), Ymm(i), Ymm(i));
        WindowLoop.Repeat(Asm, s_step, Channels / (Unrolled * WordProducts.StepChannels), () =>
        {
            new WordProducts(Asm, Vectors).Emit(Unrolled, tiles, tile => tile * TileBytes, Pixel, Weight);
            FetchAhead();
            Asm.add(Pixel, Unrolled * WordProducts.StepBytes);
            Asm.add(Weight, Unrolled * WordProducts.WeightStepBytes);
        });
        Asm.sub(Pixel, Channels * sizeof(short));
        Asm.sub(Weight, PositionWeightBytes);
        for (var i = 0; i < tiles * Vectors; i++) Asm.vmovdqu(__ymmword_ptr[s_groupSums + (i / Vectors * TileSumBytes + i % Vectors * VectorBytes)], Ymm(i));
    }

    // The next position's weights come into the second-level cache meanwhile: the first group of tiles would wait for them, if they come from beyond.
    private void FetchAhead()
    {
        for (var step = 0; step < Unrolled; step++) Asm.prefetcht1(__byte_ptr[Weight + (PositionWeightBytes + step * WordProducts.WeightStepBytes)]);
    }

    // The loop over positions leaves the address after the transformed tiles, where the sums are.
    protected override void OpenBlock()
    {
        Asm.mov(Pixel, Input);
        Asm.add(Input, TileSumBytes);
    }

    /// <summary>A tile's sums of eight channels at a position.</summary>
    protected AssemblerMemoryOperand Sum(int row, int column, int half) => __ymmword_ptr[Pixel + ((row * Size + column) * SumBytes + half * VectorBytes)];
}
