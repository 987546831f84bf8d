using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_u8s8s32_PxVc4_avx512vnni</c> for weights whose channels share 2:4 patterns: half of the products are not computed. The bytes of a block of the window that a pair of groups keeps are brought together by one
/// VPSHUFB for each pixel and stored on the stack; then eight of them at a time, four for each group of the pair, are broadcast and multiplied with the kept weights. The next block is brought together before the products of
/// the present one, so that the stores are over when it is read. Sums lie in the order of <see cref="SharedSums"/>, weights in that of <see cref="SharedWeights"/>.
/// </summary>
internal sealed class ConvSharedVnniEmitter : ZmmBlockEmitter
{
    private static readonly AssemblerRegister64 s_source = rax, s_offsets = rbp, s_count = rdi;

    private readonly SharedWeights _weights;
    private readonly bool _isPartial;
    private Label _offsetTable, _firstResults, _secondResults;

    public ConvSharedVnniEmitter(ConvKernelSpec spec) : base(spec)
    {
        _weights = new SharedWeights(spec.Panel, spec.Reduction);
        _isPartial = SharedSums.Partials(spec.Panel.Shared) > 1;
        (_offsetTable, _firstResults, _secondResults) = (Asm.CreateLabel(), Asm.CreateLabel(), Asm.CreateLabel());
    }

    protected override int PanelWeightBytes => (int)_weights.Bytes;

    // Two blocks of all pixels.
    protected override int StackBytes => 2 * SlotBytes;

    private int SlotBytes => Pixels * VectorBytes;

    protected override int SumVectors => _weights.Sums;

    protected override bool SumsBeginAtZero => _isPartial;

    // The results of a couple take the place of its sums.
    protected override int SumOf(int pixel, int vector)
    {
        if (_isPartial) return pixel * SumVectors + 2 * vector;
        for (var couple = 0; couple < Vectors / 2; couple++)
        {
            var (first, second) = SharedSums.Results(Spec.Panel, couple);
            if (vector == first) return pixel * Vectors + 2 * couple;
            if (vector == second) return pixel * Vectors + 2 * couple + 1;
        }
        throw new ArgumentOutOfRangeException(nameof(vector));
    }

    protected override void OpenKernel()
    {
        if (_weights.Blocks.Bytes == VectorBytes) return;
        Asm.mov(rax, (1L << _weights.Blocks.Bytes) - 1);
        Asm.kmovq(k4, rax);
    }

    protected override void Products()
    {
        Asm.lea(s_offsets, __[_offsetTable]);
        _weights.Blocks.EmitProducts(Asm, s_count, Weight, _weights.RecordBytes, Gather, Multiply);
        Permute();
    }

    // Brings the kept bytes of the next block together, for all pixels; its record lies that many records after the current one.
    private void Gather(int slot, int record)
    {
        var bytes = Zmm(Registers - 1);
        Asm.movsxd(s_source, __dword_ptr[s_offsets]);
        Asm.add(s_offsets, sizeof(int));
        Asm.add(s_source, Pixel);
        for (var pixel = 0; pixel < Pixels; pixel++)
        {
            var from = __zmmword_ptr[s_source + Block.Input(pixel)];
            if (_weights.Blocks.Bytes == VectorBytes) Asm.vmovdqu64(bytes, from);
            else Asm.vmovdqu8(bytes.k4.z, from);
            Asm.vpshufb(bytes, bytes, __zmmword_ptr[Weight + record * _weights.RecordBytes]);
            Asm.vmovdqa64(__zmmword_ptr[rsp + (slot * SlotBytes + pixel * VectorBytes)], bytes);
        }
    }

    private void Multiply(int slot, int record)
    {
        var (firstPixel, fetched) = (Accumulators + SumVectors, 0);
        // The last register is what the next block is brought together in.
        var broadcasts = Registers - 1 - firstPixel;
        var next = 0;
        for (var unit = 0; unit < _weights.Units; unit++)
        {
            for (var v = 0; v < SumVectors; v++)
            {
                var weights = record * _weights.RecordBytes + VectorBytes + (unit * SumVectors + v) * VectorBytes;
                Asm.prefetcht0(__byte_ptr[Weight + (weights + Spec.FetchAhead)]);
                Asm.vmovdqu64(Zmm(Accumulators + v), __zmmword_ptr[Weight + weights]);
            }
            if (Spec.FetchSteps > 0 && unit % Spec.FetchSteps == 0) Asm.prefetcht1(__byte_ptr[Next + fetched++ * VectorBytes]);
            for (var pixel = 0; pixel < Pixels; pixel++)
            {
                var bytes = Zmm(firstPixel + next++ % broadcasts);
                var kept = rsp + (slot * SlotBytes + pixel * VectorBytes + unit * SharedSums.UnitBytes(Spec.Panel.Shared));
                if (_isPartial) Asm.vbroadcasti32x4(bytes, __xmmword_ptr[kept]);
                else Asm.vpbroadcastq(bytes, __qword_ptr[kept]);
                for (var v = 0; v < SumVectors; v++) Spec.Arithmetic.MultiplyAdd(Asm, Zmm(pixel * SumVectors + v), bytes, Zmm(Accumulators + v));
            }
        }
        if (fetched > 0) Asm.add(Next, fetched * VectorBytes);
    }

    // Sums to the order of results, two vectors at a time; the permutations are the same for all.
    private void Permute()
    {
        var (first, second) = (Zmm(Accumulators), Zmm(Accumulators + 1));
        Asm.vmovdqu64(first, __zmmword_ptr[_firstResults]);
        for (var sum = 0; sum < Accumulators; sum += 2)
        {
            var (low, high) = (Zmm(sum), Zmm(sum + 1));
            Asm.vmovdqu64(second, __zmmword_ptr[_secondResults]);
            Asm.vpermi2d(second, low, high);
            Asm.vpermt2d(low, first, high);
            if (_isPartial)
            {
                Asm.vpaddd(low, low, second);
                Spec.Arithmetic.Add(Asm, low, StartOf(sum / 2 % Vectors));
            }
            else
            {
                Asm.vmovdqa64(high, second);
            }
        }
    }

    protected override void OutOfLine()
    {
        base.OutOfLine();
        Numbers(ref _offsetTable, [.. Enumerable.Range(0, _weights.Blocks.Count).Select(_weights.Blocks.Offset)]);
        Numbers(ref _firstResults, SharedSums.Permutation(Spec.Panel, 0, isSecond: false));
        Numbers(ref _secondResults, SharedSums.Permutation(Spec.Panel, 0, isSecond: true));
    }

    private void Numbers(ref Label label, int[] numbers)
    {
        Asm.Label(ref label);
        foreach (var number in numbers) Asm.dd(unchecked((uint)number));
    }
}
