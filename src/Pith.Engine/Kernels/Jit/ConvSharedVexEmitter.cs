using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>conv_u8s8s32_6x16c4_avxvnni</c> and <c>conv_u8s8s32_6x16c2_avx2</c> for weights whose channels share 2:4 patterns, as <see cref="ConvSharedVnniEmitter"/> with vectors of 256 bits: the kept bytes of a block are
/// brought together on the stack, one block ahead of the products, without VNNI as words. Weights lie as <see cref="SharedVexWeights"/> packs them.
/// </summary>
internal sealed class ConvSharedVexEmitter : VexBlockEmitter
{
    private const int FirstWeight = 12, PixelRegister = 14, OtherRegister = 15;

    private static readonly AssemblerRegister64 s_source = rax, s_offsets = rbp, s_count = rdi;

    private readonly SharedVexWeights _weights;
    private readonly bool _hasGroups;
    private Label _offsetTable;

    /// <param name="spec">The kernel.</param>
    /// <param name="shared">Channels that share patterns: 8 or 16.</param>
    /// <param name="hasVnni">Whether bytes are multiplied, by VPDPBUSD; else words.</param>
    public ConvSharedVexEmitter(ConvKernelSpec spec, int shared, bool hasVnni) : base(spec)
    {
        _weights = new SharedVexWeights(spec.Reduction, shared, IsWords: !hasVnni);
        _hasGroups = shared < PanelShape.Lanes;
        _offsetTable = Asm.CreateLabel();
    }

    protected override int PanelWeightBytes => (int)_weights.Bytes;

    protected override int StackBytes => 2 * SlotBytes;

    // A multiple of a line.
    private int SlotBytes => (Spec.Block.Pixels + 1) / 2 * 2 * VectorBytes;

    protected override void Products()
    {
        Asm.lea(s_offsets, __[_offsetTable]);
        _weights.Blocks.EmitProducts(Asm, s_count, Weight, _weights.RecordBytes, Gather, Multiply);
    }

    // Brings the kept bytes of the next block together, for all pixels; its record lies that many records after the current one.
    private void Gather(int slot, int record)
    {
        Asm.movsxd(s_source, __dword_ptr[s_offsets]);
        Asm.add(s_offsets, sizeof(int));
        Asm.add(s_source, Pixel);
        for (var pixel = 0; pixel < Spec.Block.Pixels; pixel++)
        {
            var index = PixelRegister + pixel % 2;
            var from = s_source + Spec.Block.Input(pixel);
            var record0 = Weight + record * _weights.RecordBytes;
            if (_weights.Blocks.Bytes == VectorBytes)
            {
                Asm.vmovdqu(Ymm(index), __ymmword_ptr[from]);
                Asm.vpshufb(Ymm(index), Ymm(index), __ymmword_ptr[record0]);
            }
            else
            {
                Asm.vmovdqu(Xmm(index), __xmmword_ptr[from]);
                Asm.vpshufb(Xmm(index), Xmm(index), __xmmword_ptr[record0]);
            }
            Asm.vmovdqa(__ymmword_ptr[rsp + (slot * SlotBytes + pixel * VectorBytes)], Ymm(index));
        }
    }

    private void Multiply(int slot, int record)
    {
        for (var unit = 0; unit < _weights.Units; unit++)
        {
            for (var half = 0; half < Vectors; half++) Asm.vmovdqu(Ymm(FirstWeight + half), __ymmword_ptr[Weight + (record * _weights.RecordBytes + VectorBytes + unit * SharedVexWeights.WeightBytes + half * VectorBytes)]);
            for (var pixel = 0; pixel < Spec.Block.Pixels; pixel++)
            {
                AssemblerMemoryOperand Kept(int half) => __dword_ptr[rsp + (slot * SlotBytes + pixel * VectorBytes + _weights.UnitAt(unit, half))];
                if (_weights.IsWords) MultiplyWords(pixel, Kept(0));
                else MultiplyBytes(pixel, Kept);
            }
        }
    }

    private void MultiplyBytes(int pixel, Func<int, AssemblerMemoryOperand> kept)
    {
        // Two registers in turn: of the halves when each has bytes of its own, else of the pixels.
        for (var half = 0; half < Vectors; half++)
        {
            var bytes = Ymm(PixelRegister + (_hasGroups ? half : pixel % 2));
            if (half == 0 || _hasGroups) Asm.vpbroadcastd(bytes, kept(half));
            Asm.vex.vpdpbusd(Ymm(pixel * Vectors + half), bytes, Ymm(FirstWeight + half));
        }
    }

    private void MultiplyWords(int pixel, AssemblerMemoryOperand kept)
    {
        Asm.vpbroadcastd(Ymm(PixelRegister), kept);
        // The last product takes the pixel's place.
        int Product(int half) => half == Vectors - 1 ? PixelRegister : OtherRegister;
        for (var half = 0; half < Vectors; half++) Asm.vpmaddwd(Ymm(Product(half)), Ymm(PixelRegister), Ymm(FirstWeight + half));
        for (var half = 0; half < Vectors; half++) Asm.vpaddd(Ymm(pixel * Vectors + half), Ymm(pixel * Vectors + half), Ymm(Product(half)));
    }

    protected override void OutOfLine()
    {
        Asm.Label(ref _offsetTable);
        for (var block = 0; block < _weights.Blocks.Count; block++) Asm.dd(unchecked((uint)_weights.Blocks.Offset(block)));
    }
}
