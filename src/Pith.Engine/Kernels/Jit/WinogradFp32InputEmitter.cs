using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Everything that the code of a float input transform depends on.</summary>
/// <param name="Points">The transform.</param>
/// <param name="Vectors">Vectors of 16 channels of a pixel; the last may reach into the next pixel.</param>
/// <param name="RowBytes">Bytes from row to row of the input.</param>
/// <param name="PixelBytes">Bytes from column to column of the input.</param>
/// <param name="PositionBytes">Bytes from position to position of the result.</param>
internal sealed record WinogradFp32InputSpec(WinogradPoints Points, int Vectors, int RowBytes, int PixelBytes, int PositionBytes);

/// <summary>
/// B' d B of <see cref="WinogradPoints"/> for all channels of some tiles: [positions][tiles][vectors][16]. Each input is loaded once; everything between is in registers. Tiles lie at their
/// <see cref="BlockOffsets.Input"/> and go to their <see cref="BlockOffsets.Output"/>.
/// </summary>
internal sealed class WinogradFp32InputEmitter(WinogradFp32InputSpec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float);

    private static readonly AssemblerRegister64 s_tiles = rsi, s_tileCount = rcx, s_input = rbx, s_output = rdx, s_constants = r9, s_pixel = r12, s_to = r13, s_vectors = rax;

    private readonly int _size = spec.Points.Size;

    protected override void Body()
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
            Transform();
            Asm.add(s_pixel, VectorBytes);
            Asm.add(s_to, VectorBytes);
        });
        Asm.add(s_tiles, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
    }

    // Along columns, then along rows. The inner rows stay in registers from the beginning; the first and the last come and go.
    private void Transform()
    {
        var transform = new WinogradTransformEmitter(Asm, spec.Points, s_constants, ActivationFp32Emitter.ConstantBytes);
        var inner = _size - 2;
        var free = new Stack<int>(Enumerable.Range(0, Registers).Reverse());
        var columns = Enumerable.Range(0, _size).Select(column => Enumerable.Range(1, inner).Select(row => LoadTo(free.Pop(), row, column)).ToArray()).ToArray();
        foreach (var row in (int[])[0, _size - 1])
        {
            var edge = new int[_size];
            for (var column = 0; column < _size; column++)
            {
                edge[column] = LoadTo(free.Pop(), row, column);
                int[] x = [edge[column], .. columns[column], edge[column]];
                if (row == 0) transform.AtZero(x);
                else transform.AtInfinity(x);
            }
            Row(row, edge);
        }
        foreach (var column in columns)
        {
            var temporaries = Enumerable.Range(0, WinogradTransformEmitter.PairTemporaries).Select(_ => free.Pop()).ToArray();
            var results = transform.AtPairs([-1, .. column, -1], temporaries);
            foreach (var register in column.Concat(temporaries).Except(results)) free.Push(register);
            results.CopyTo(column, 0);
        }
        for (var row = 1; row <= inner; row++) Row(row, [.. columns.Select(column => column[row - 1])]);

        // Along a row; its registers are free then.
        void Row(int row, int[] x)
        {
            transform.AtZero(x);
            Store(row, 0, x[0]);
            transform.AtInfinity(x);
            Store(row, _size - 1, x[^1]);
            free.Push(x[0]);
            free.Push(x[^1]);
            var temporaries = free.Take(WinogradTransformEmitter.PairTemporaries).ToArray();
            var results = transform.AtPairs(x, temporaries);
            for (var i = 0; i < results.Length; i++) Store(row, i + 1, results[i]);
            foreach (var register in x[1..^1]) free.Push(register);
        }
    }

    private int LoadTo(int register, int row, int column)
    {
        Asm.vmovups(Zmm(register), __zmmword_ptr[s_pixel + (row * spec.RowBytes + column * spec.PixelBytes)]);
        return register;
    }

    private void Store(int row, int column, int register) => Asm.vmovaps(__zmmword_ptr[s_to + (row * _size + column) * spec.PositionBytes], Zmm(register));
}
