using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// A y A' of <see cref="WinogradPoints"/> for gradients of results, all channels of some tiles: the transpose of the results' transform, as weight gradients need it. Tiles lie at their
/// <see cref="BlockOffsets.Input"/> and go to their <see cref="BlockOffsets.Output"/>, [positions][tiles][vectors][16].
/// </summary>
/// <param name="spec">Sizes, those of a tile of results.</param>
internal sealed class WinogradFp32GradientEmitter(WinogradFp32InputSpec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float);

    private static readonly AssemblerRegister64 s_tiles = rsi, s_tileCount = rcx, s_input = rbx, s_output = rdx, s_constants = r9, s_pixel = r12, s_to = r13, s_vectors = rax;

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

    // Along columns, then along rows.
    private void Transform()
    {
        var transform = new WinogradTransformEmitter(Asm, spec.Points, s_constants, ActivationFp32Emitter.ConstantBytes);
        var (outputs, size) = (spec.Points.Outputs, spec.Points.Size);
        var free = new Stack<int>(Enumerable.Range(0, Registers).Reverse());
        var columns = new int[outputs][];
        for (var column = 0; column < outputs; column++)
        {
            var x = Enumerable.Range(0, outputs).Select(_ => free.Pop()).ToArray();
            for (var row = 0; row < outputs; row++) Asm.vmovups(Zmm(x[row]), __zmmword_ptr[s_pixel + (row * spec.RowBytes + column * spec.PixelBytes)]);
            columns[column] = transform.AtPoints(x, free);
        }
        for (var row = 0; row < size; row++)
        {
            var results = transform.AtPoints([.. columns.Select(column => column[row])], free);
            for (var column = 0; column < size; column++) Asm.vmovups(__zmmword_ptr[s_to + (row * size + column) * spec.PositionBytes], Zmm(results[column]));
            foreach (var register in results) free.Push(register);
        }
    }
}
