using Iced.Intel;

namespace Pith.Kernels.Jit;

/// <summary>bfloat16 by bfloat16, summed in floats: pairs of neighbours in the order of the instruction, one after the other. Denormal numbers count as 0.</summary>
/// <param name="Spec">What follows.</param>
internal sealed record Bf16ConvArithmetic(EpilogueFp32Spec Spec) : ConvArithmetic
{
    public override string Types => "bf16bf16f32";

    public override int OperandBytes => sizeof(ushort);

    public override int OutputBytes => sizeof(float);

    public override int ResidualBytes => sizeof(float);

    public override bool IsNatural => true;

    public override int Temporaries => Spec.Temporaries;

    // Floats come from and go to memory or the last-level cache.
    public override bool FetchesResidual => Spec.HasResidual;

    public override bool FetchesOutput => !Spec.Streams;

    // The biases.
    public override int PanelBytes(int vectors) => vectors * StartBytes;

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerRegisterZMM weights) => asm.vdpbf16ps(sums, pixel, weights);

    public override void MultiplyAdd(Assembler asm, AssemblerRegisterZMM sums, AssemblerRegisterZMM pixel, AssemblerMemoryOperand weights) => asm.vdpbf16ps(sums, pixel, weights);

    public override void MultiplyAdd(TileUnit unit, int sums, int pixels, int weights) => unit.DotBf16(sums, pixels, weights);

    public override void Add(Assembler asm, AssemblerRegisterZMM sums, AssemblerMemoryOperand start) => asm.vaddps(sums, sums, start);

    public override ITileEpilogue Epilogue(Assembler asm, PanelShape panel, EpilogueRegisters registers, TilePattern tile) => new Finisher(asm, Spec, panel, registers, tile);

    private sealed class Finisher(Assembler asm, EpilogueFp32Spec spec, PanelShape panel, EpilogueRegisters registers, TilePattern tile) : ITileEpilogue
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
                yield return () => _emitter.Finish(sums, vector, tile.Output(pixel), tile.Residual(pixel), _temporaries);
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
