using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_winograd_u8s8s32_6x16c2_avx2</c>: 3x3 windows of stride 1 by F(2x2, 3x3) of Lavin and Gray (arXiv 1509.09308), in integers. A tile is 2x2 outputs Y = A'[(G g G') * (B' d B)]A of 4x4
/// inputs d: 16 products for each input channel where the plain sum has 36. With 2G for G all numbers are integers, and results four times too large; the division is exact.
/// For a block of tiles: B' d B of all channels goes to scratch memory as words; then, for each panel of output channels, each of the 16 positions is a matrix product of tiles by
/// channels (<see cref="WordProducts"/>), and A' brings a tile's 16 sums to its four accumulators. Weights are packed as [16][channels / 2][16][2] words.
/// </summary>
/// <remarks>
/// No number leaves its type. An element of B' d B is a sum of up to four bytes, at most 4 * 255 = 1020, or a difference of two sums of up to two. One of 2G g 2G' is at most 9 * 128 = 1152. Sums may
/// wrap: A' only adds and subtracts, so what it gives is right modulo 2^32, and four times the plain sum fits 32 bits for up to <see cref="MostChannels"/> channels.
/// </remarks>
internal sealed class ConvWinogradEmitter : VexTileEmitter
{
    /// <summary>Rows and columns of a tile's input, and of its transform.</summary>
    public const int Size = 4;

    /// <summary>Elements of a transformed tile.</summary>
    public const int Positions = Size * Size;

    /// <summary>Outputs of a tile along each axis.</summary>
    public const int Outputs = 2;

    /// <summary>With more input channels, 4 * 9 * 255 * 128 for each could leave 32 bits.</summary>
    public const int MostChannels = int.MaxValue / (4 * 9 * 255 * 128);

    /// <summary>Scratch memory of a thread, enough for <see cref="MostChannels"/>.</summary>
    public const int ScratchBytes = 576 << 10;

    // Transformed tiles of a block stay in the second-level cache, and its sums in the first.
    private const int BlockBytes = 192 << 10, LargestBlock = 24;

    private const int ChunkBytes = 16, SumBytes = Positions * PanelShape.Lanes * sizeof(int);

    // Steps of the matrix product in a loop's body; divides the channels of all layers.
    private const int Unrolled = 4;

    private static readonly AssemblerRegister64 s_step = rdi, s_sums = r14, s_groupSums = r15, s_tilesLeft = rax;

    private readonly WordProducts _products;

    public ConvWinogradEmitter(ConvKernelSpec spec) : base(spec) => _products = new WordProducts(Asm, Halves);

    // Bytes of a pixel, of which padding channels are some.
    private int Channels => Spec.Tile.InputColumn;

    // Bytes of one position of a transformed tile.
    private int TileBytes => (Channels + ChunkBytes - 1) / ChunkBytes * ChunkBytes * sizeof(short);

    // Not a power of two: the 16 positions of a tile would share a few lines of the cache.
    private int PositionBytes => LastBlockTiles * TileBytes + 64;

    private int PositionWeightBytes => Channels / WordProducts.StepChannels * WordProducts.WeightStepBytes;

    protected override int PanelWeightBytes => Positions * PositionWeightBytes;

    protected override int BlockTiles => Math.Clamp(BlockBytes / (Positions * TileBytes) / LargestTile * LargestTile, LargestTile, LargestBlock);

    // A short block at the end would need all weights for a few tiles.
    protected override int LastBlockTiles => BlockTiles * 3 / 2;

    protected override void OpenBlock()
    {
        Asm.mov(Input, Argument(rax, nameof(ConvKernelArgs.Input)));
        Asm.mov(Weight, Argument(rax, nameof(ConvKernelArgs.Scratch)));
        var tile = Asm.CreateLabel();
        Asm.Label(ref tile);
        Asm.mov(Pixel, TileOffset(nameof(TileOffsets.Input)));
        Asm.add(Pixel, Input);
        WindowLoop.Repeat(Asm, s_step, TileBytes / VectorBytes, () =>
        {
            TransformInput();
            Asm.add(Pixel, ChunkBytes);
            Asm.add(Weight, VectorBytes);
        });
        Asm.add(Tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TileCount);
        Asm.jne(tile);
    }

    // B' d B of 16 channels; the weights' address is that of the transformed tile here. Columns first, one of the results at a time, from the two that it is made of.
    private void TransformInput()
    {
        AssemblerRegisterYMM Column(int row, int column) => Ymm((column - 1) * Size + row);
        AssemblerRegisterYMM Mixed(int row) => Ymm(2 * Size + row);
        void Load(AssemblerRegisterYMM to, int row, int column) => Asm.vpmovzxbw(to, __xmmword_ptr[Pixel + (row * Spec.Reduction.RowBytes + column * Spec.Tile.InputColumn)]);

        foreach (var column in (int[])[1, 2])
            for (var row = 0; row < Size; row++) Load(Column(row, column), row, column);
        for (var column = 0; column < Size; column++)
        {
            for (var row = 0; row < Size; row++)
            {
                var (mixed, one, two) = (Mixed(row), Column(row, 1), Column(row, 2));
                if (column is 0 or 3) Load(mixed, row, column);
                if (column == 0) Asm.vpsubw(mixed, mixed, two);
                else if (column == 1) Asm.vpaddw(mixed, one, two);
                else if (column == 2) Asm.vpsubw(mixed, two, one);
                else Asm.vpsubw(mixed, one, mixed);
            }
            var result = Ymm(3 * Size);
            for (var row = 0; row < Size; row++)
            {
                if (row == 0) Asm.vpsubw(result, Mixed(0), Mixed(2));
                else if (row == 1) Asm.vpaddw(result, Mixed(1), Mixed(2));
                else if (row == 2) Asm.vpsubw(result, Mixed(2), Mixed(1));
                else Asm.vpsubw(result, Mixed(1), Mixed(3));
                Asm.vmovdqu(__ymmword_ptr[Weight + (row * Size + column) * PositionBytes], result);
            }
        }
    }

    // The matrix products of a panel on the block: sums to scratch memory behind the transformed tiles, [tiles][16 positions][16 channels].
    protected override void OpenPanel()
    {
        Asm.mov(Input, Argument(rax, nameof(ConvKernelArgs.Scratch)));
        Asm.mov(Weight, Weights);
        Asm.lea(s_sums, __[Input + Positions * PositionBytes]);
        WindowLoop.Repeat(Asm, Row, Positions, () =>
        {
            Asm.mov(Pixel, Input);
            Asm.mov(s_groupSums, s_sums);
            Asm.mov(s_tilesLeft, TileCount);
            GroupsOfTiles();
            Asm.add(Input, PositionBytes);
            Asm.add(s_sums, PanelShape.Lanes * sizeof(int));
            Asm.add(Weight, PositionWeightBytes);
        });
    }

    // As many full groups as there are, then one of the rest.
    private void GroupsOfTiles()
    {
        var (full, rest, end) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
        Asm.cmp(s_tilesLeft, LargestTile);
        Asm.jl(rest);
        Asm.Label(ref full);
        Group(LargestTile);
        Asm.add(Pixel, LargestTile * TileBytes);
        Asm.add(s_groupSums, LargestTile * SumBytes);
        Asm.sub(s_tilesLeft, LargestTile);
        Asm.cmp(s_tilesLeft, LargestTile);
        Asm.jge(full);
        Asm.Label(ref rest);
        for (var tiles = LargestTile - 1; tiles > 1; tiles--)
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
        for (var i = 0; i < tiles * Halves; i++) Asm.vpxor(Ymm(i), Ymm(i), Ymm(i));
        WindowLoop.Repeat(Asm, s_step, Channels / (Unrolled * WordProducts.StepChannels), () =>
        {
            _products.Emit(Unrolled, tiles, tile => tile * TileBytes, Pixel, Weight);
            FetchAhead();
            Asm.add(Pixel, Unrolled * WordProducts.StepBytes);
            Asm.add(Weight, Unrolled * WordProducts.WeightStepBytes);
        });
        Asm.sub(Pixel, Channels * sizeof(short));
        Asm.sub(Weight, PositionWeightBytes);
        for (var i = 0; i < tiles * Halves; i++) Asm.vmovdqu(__ymmword_ptr[s_groupSums + (i / Halves * SumBytes + i % Halves * VectorBytes)], Ymm(i));
    }

    // The next position's weights come into the second-level cache meanwhile: the first group of tiles would wait for them, if they come from beyond.
    private void FetchAhead()
    {
        for (var step = 0; step < Unrolled; step++) Asm.prefetcht1(__byte_ptr[Weight + (PositionWeightBytes + step * WordProducts.WeightStepBytes)]);
    }

    // The loop over positions leaves the address behind the transformed tiles, where the sums are.
    protected override void OpenTile()
    {
        Asm.mov(Pixel, Input);
        Asm.add(Input, SumBytes);
    }

    // A' M A / 4, added to the start values. Columns first: rows of A' are 1 1 1 0 and 0 1 -1 -1.
    protected override void Products()
    {
        for (var half = 0; half < Halves; half++)
        {
            AssemblerMemoryOperand Sum(int row, int column) => __ymmword_ptr[Pixel + ((row * Size + column) * PanelShape.Lanes * sizeof(int) + half * VectorBytes)];
            AssemblerRegisterYMM Upper(int column) => Ymm(8 + column);
            AssemblerRegisterYMM Lower(int column) => Ymm(8 + Size + column);
            for (var column = 0; column < Size; column++)
            {
                Asm.vmovdqu(Upper(column), Sum(1, column));
                Asm.vpsubd(Lower(column), Upper(column), Sum(2, column));
                Asm.vpaddd(Upper(column), Upper(column), Sum(2, column));
                Asm.vpaddd(Upper(column), Upper(column), Sum(0, column));
                Asm.vpsubd(Lower(column), Lower(column), Sum(3, column));
            }
            Add(Upper, 0, half);
            Add(Lower, Outputs, half);
        }
    }

    // The two outputs of a row.
    private void Add(Func<int, AssemblerRegisterYMM> row, int firstPixel, int half)
    {
        Asm.vpaddd(row(0), row(0), row(1));
        Asm.vpaddd(row(0), row(0), row(2));
        Asm.vpsubd(row(1), row(1), row(2));
        Asm.vpsubd(row(1), row(1), row(3));
        for (var i = 0; i < Outputs; i++)
        {
            Asm.vpsrad(row(i), row(i), 2);
            Asm.vpaddd(Ymm((firstPixel + i) * Halves + half), Ymm((firstPixel + i) * Halves + half), row(i));
        }
    }
}
