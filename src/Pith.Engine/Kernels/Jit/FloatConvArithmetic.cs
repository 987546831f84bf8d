using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>What float convolutions have in common, whatever their operands are rounded to: floats as sums, which start at the biases, as residuals and as results.</summary>
/// <param name="Spec">What follows.</param>
internal abstract record FloatConvArithmetic(EpilogueFp32Spec Spec) : ConvArithmetic
{
    public sealed override int OutputBytes => sizeof(float);

    public sealed override int ResidualBytes => sizeof(float);

    public sealed override bool IsNatural => true;

    public sealed override bool Commutes => true;

    public sealed override int Temporaries => Spec.Temporaries;

    // Floats come from and go to memory or the last-level cache.
    public sealed override bool FetchesResidual => Spec.HasResidual;

    public sealed override bool FetchesOutput => !Spec.Streams;

    // The biases.
    public sealed override int PanelBytes(int vectors) => vectors * StartBytes;

    public sealed override void Add(Assembler asm, AssemblerRegisterZMM sums, AssemblerMemoryOperand start) => asm.vaddps(sums, sums, start);

    public sealed override IBlockEpilogue Epilogue(Assembler asm, PanelShape panel, EpilogueRegisters registers, PixelBlock block) => new Finisher(asm, Spec, panel, registers, block);

    private sealed class Finisher(Assembler asm, EpilogueFp32Spec spec, PanelShape panel, EpilogueRegisters registers, PixelBlock block) : IBlockEpilogue
    {
        // Sums that are loaded take turns.
        private const int Slots = 4;

        private readonly EpilogueFp32Emitter _emitter = new(asm, spec, panel, registers.Output, registers.Residual, registers.Shared);
        private readonly int[] _temporaries = registers.Free[^spec.Temporaries..];

        public void LoadMask() => _emitter.LoadMask();

        public IEnumerable<Action> Steps(int count, Func<int, int, int, int> load)
        {
            for (var i = 0; i < count * panel.Vectors; i++)
            {
                var (slot, (pixel, vector)) = (i % Slots, Math.DivRem(i, panel.Vectors));
                var sums = 0;
                yield return () => sums = load(pixel, vector, slot);
                yield return () => _emitter.Finish(sums, vector, block.Output(pixel), block.Residual(pixel), _temporaries);
            }
        }

        public void Close()
        {
            if (spec.Streams) asm.sfence();
        }

        public void OutOfLine()
        {
        }
    }
}

/// <summary>bfloat16 by bfloat16: pairs of neighbours in the order of the instruction, one after the other. Denormal numbers count as 0.</summary>
internal sealed record Bf16ConvArithmetic(EpilogueFp32Spec Spec) : FloatConvArithmetic(Spec)
{
    public override string Types => "bf16bf16f32";

    public override int OperandBytes => sizeof(ushort);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerRegisterZMM weights) => asm.vdpbf16ps(sums, pixel, weights);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerMemoryOperand weights) => asm.vdpbf16ps(sums, pixel, weights);

    public override void MultiplyAdd(TileUnit unit, int sums, int pixels, int weights) => unit.DotBf16(sums, pixels, weights);
}

/// <summary>Floats by floats: one chain of fused multiply-adds for each output.</summary>
internal sealed record Fp32ConvArithmetic(EpilogueFp32Spec Spec) : FloatConvArithmetic(Spec)
{
    public override string Types => "f32f32f32";

    public override bool HasDenormals => true;

    public override int OperandBytes => sizeof(float);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerRegisterZMM weights) => asm.vfmadd231ps(sums, pixel, weights);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerMemoryOperand weights) => asm.vfmadd231ps(sums, pixel, weights);

    public override void MultiplyAdd(TileUnit unit, int sums, int pixels, int weights) => throw new NotSupportedException("AMX has no products of FP32.");
}
