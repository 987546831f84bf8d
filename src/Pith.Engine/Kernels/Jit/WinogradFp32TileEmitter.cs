using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>What the results of a float transform are stored as.</summary>
internal enum WinogradOperand
{
    /// <summary>[tiles][channels] floats.</summary>
    Float32,

    /// <summary>[tiles][channels] bfloat16: products take pairs of channels.</summary>
    Bfloat16,

    /// <summary>The first of each [pairs of tiles][channels][2] bfloat16, and 0 as the second: products take pairs of tiles.</summary>
    FirstOfPair,

    /// <summary>The second.</summary>
    SecondOfPair,
}

/// <summary>Number of rows and columns on each side of a tile that lie outside the image. They count as 0.</summary>
internal readonly record struct TileEdges(int Top, int Left, int Bottom, int Right)
{
    /// <summary>The edges of a square tile.</summary>
    /// <param name="row">The row of the image where the tile begins; may be negative.</param>
    /// <param name="column">The column of the image where the tile begins; may be negative.</param>
    /// <param name="size">Rows and columns of the tile.</param>
    /// <param name="height">Rows of the image.</param>
    /// <param name="width">Columns of the image.</param>
    public static TileEdges Of(int row, int column, int size, int height, int width) => new(Math.Max(0, -row), Math.Max(0, -column), Math.Max(0, row + size - height), Math.Max(0, column + size - width));
}

/// <summary>Everything that the code of a float transform of tiles depends on.</summary>
/// <param name="Points">The transform.</param>
/// <param name="Vectors">Vectors of 16 channels of a pixel; the last may reach into the next pixel.</param>
/// <param name="RowBytes">Bytes from row to row of the input.</param>
/// <param name="PixelBytes">Bytes from column to column of the input.</param>
/// <param name="PositionBytes">Bytes from position to position of the result.</param>
/// <param name="Operand">What results are rounded to.</param>
/// <param name="Edges">Parts of an input tile, of <see cref="WinogradPoints.Size"/> rows and columns, that are not read.</param>
internal sealed record WinogradFp32TileSpec(WinogradPoints Points, int Vectors, int RowBytes, int PixelBytes, int PositionBytes, WinogradOperand Operand = WinogradOperand.Float32, TileEdges Edges = default);

/// <summary>
/// A transform of <see cref="WinogradPoints"/> for all channels of some tiles: each value is loaded once, everything between is in registers, 16 channels in each. Tiles lie at their <see cref="BlockOffsets.Input"/> and go to their
/// <see cref="BlockOffsets.Output"/>, [positions][tiles][vectors][16].
/// </summary>
/// <param name="spec">Sizes.</param>
internal abstract class WinogradFp32TileEmitter(WinogradFp32TileSpec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float);

    private static readonly AssemblerRegister64 s_tiles = rsi, s_tileCount = rcx, s_input = rbx, s_output = rdx, s_constants = r9, s_pixel = r12, s_to = r13, s_vectors = rax;

    protected WinogradPoints Points => spec.Points;

    /// <summary>Positions of a tile of the result along an axis.</summary>
    protected int Size => spec.Points.Size;

    protected sealed override void Body()
    {
        Load<ConvKernelArgs>(Args, (s_input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_constants, nameof(ConvKernelArgs.Shared)));
        Load<ConvKernelArgs>(Args, (s_tiles, nameof(ConvKernelArgs.Blocks)), (s_tileCount, nameof(ConvKernelArgs.BlockCount)));
        var tile = Asm.CreateLabel();
        Asm.Label(ref tile);
        Load<BlockOffsets>(s_tiles, (s_pixel, nameof(BlockOffsets.Input)), (s_to, nameof(BlockOffsets.Output)));
        Asm.add(s_pixel, s_input);
        Asm.add(s_to, s_output);
        WindowLoop.Repeat(Asm, s_vectors, spec.Vectors, () =>
        {
            Transform(new WinogradTransformEmitter(Asm, spec.Points, s_constants, ActivationFp32Emitter.ConstantBytes), new Stack<int>(Enumerable.Range(0, Registers).Reverse()));
            Asm.add(s_pixel, VectorBytes);
            Asm.add(s_to, spec.Operand == WinogradOperand.Bfloat16 ? VectorBytes / 2 : VectorBytes);
        });
        Asm.add(s_tiles, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
    }

    /// <summary>The transform of 16 channels of a tile, by <see cref="LoadTo"/> and <see cref="Store"/>.</summary>
    /// <param name="transform">Along one axis.</param>
    /// <param name="free">All registers.</param>
    protected abstract void Transform(WinogradTransformEmitter transform, Stack<int> free);

    protected int LoadTo(int register, int row, int column)
    {
        var (values, edges) = (Zmm(register), spec.Edges);
        if (row < edges.Top || column < edges.Left || row >= Size - edges.Bottom || column >= Size - edges.Right) Asm.vpxord(values, values, values);
        else Asm.vmovups(values, __zmmword_ptr[s_pixel + (row * spec.RowBytes + column * spec.PixelBytes)]);
        return register;
    }

    // Overwrites the register.
    protected void Store(int row, int column, int register)
    {
        var (values, rounded, to) = (Zmm(register), Ymm(register), s_to + (row * Size + column) * spec.PositionBytes);
        if (spec.Operand != WinogradOperand.Float32) Asm.vcvtneps2bf16(rounded, values);
        switch (spec.Operand)
        {
            case WinogradOperand.Float32:
                Asm.vmovups(__zmmword_ptr[to], values);
                break;
            case WinogradOperand.Bfloat16:
                Asm.vmovdqu32(__ymmword_ptr[to], rounded);
                break;
            case WinogradOperand.FirstOfPair:
                Asm.vpmovzxwd(values, rounded);
                Asm.vmovups(__zmmword_ptr[to], values);
                break;
            default:
                Asm.vpmovzxwd(values, rounded);
                Asm.vpslld(values, values, 16);
                Asm.vpord(values, values, __zmmword_ptr[to]);
                Asm.vmovups(__zmmword_ptr[to], values);
                break;
        }
    }
}
