using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Pith.Kernels.Jit.KernelEmitter;

namespace Pith.Kernels.Jit;

/// <summary>Where an epilogue's addresses are while it runs, and what it may overwrite.</summary>
/// <param name="Output">Holds the address of the block's first result.</param>
/// <param name="Residual">Holds the address of the block's first residual.</param>
/// <param name="Panel">Holds the address of the panel's constants.</param>
/// <param name="Shared">Holds the address of the constants of all panels.</param>
/// <param name="Free">Vector registers that may be overwritten.</param>
internal readonly record struct EpilogueRegisters(AssemblerRegister64 Output, AssemblerRegister64 Residual, AssemblerRegister64 Panel, AssemblerRegister64 Shared, int[] Free);

/// <summary>
/// Emits what turns accumulators into results: <see cref="Int8Arithmetic"/>, sixteen channels at a time. Written once for every kernel. The tail of a panel that is not full is masked by
/// <c>k1</c>, which <see cref="LoadMask"/> sets as it does <c>k3</c>; <c>k2</c> is overwritten.
/// </summary>
internal sealed class EpilogueEmitter : IBlockEpilogue
{
    // The lowest byte of each 32-bit number.
    private const long LowBytes = 0x1111_1111_1111_1111;

    private readonly Assembler _asm;
    private readonly EpilogueSpec _spec;
    private readonly PanelShape _panel;
    private readonly EpilogueRegisters _registers;
    private readonly Func<int, int> _outputOffset;
    private readonly Func<int, int> _residualOffset;
    private readonly IReadOnlyList<Pack> _packs;
    private readonly GuardedSigmoid? _sigmoid;

    /// <param name="asm">The assembler.</param>
    /// <param name="spec">The operations.</param>
    /// <param name="panel">The channels.</param>
    /// <param name="registers">Addresses and free registers.</param>
    /// <param name="outputOffset">Bytes from the block's first result to that of a pixel.</param>
    /// <param name="residualOffset">Bytes from the block's first residual to that of a pixel.</param>
    public EpilogueEmitter(Assembler asm, EpilogueSpec spec, PanelShape panel, EpilogueRegisters registers, Func<int, int> outputOffset, Func<int, int> residualOffset)
    {
        (_asm, _spec, _panel, _registers, _outputOffset, _residualOffset) = (asm, spec, panel, registers, outputOffset, residualOffset);
        _packs = [.. panel.Packs.Where(pack => pack.First * PanelShape.Lanes < panel.Channels)];
        if (GuardedSigmoid.Applies(spec)) _sigmoid = new GuardedSigmoid(asm, spec, registers, Exact);
    }

    public void LoadMask()
    {
        if (_spec.Residual == ResidualKind.Bytes)
        {
            _asm.mov(rax, LowBytes);
            _asm.kmovq(k3, rax);
        }
        var stored = StoredOfLast;
        if (stored == Capacity(_packs[^1])) return;
        _asm.mov(rax, (1L << stored) - 1);
        _asm.kmovq(k1, rax);
    }

    public IEnumerable<Action> Steps(int count, Func<int, int, int, int> load) => Steps(count, (pixel, pack, vector, slot) =>
    {
        var value = load(pixel, vector, slot);
        Real(value, pixel, pack, vector, vector == pack.First);
        return value;
    });

    /// <summary><see cref="Steps(int, Func{int, int, int, int})"/> for real values, which are already scaled: activation, division, rounding, packing.</summary>
    /// <param name="count">Number of pixels.</param>
    /// <param name="value">The register of the value of a pixel and vector, which may be overwritten.</param>
    public IEnumerable<Action> RealSteps(int count, Func<int, int, int> value) => Steps(count, (pixel, _, vector, _) => value(pixel, vector));

    private IEnumerable<Action> Steps(int count, Func<int, Pack, int, int, int> real)
    {
        foreach (var pack in _packs)
        {
            // A store takes four vectors: those of one, two or four pixels.
            var together = _spec.IsNatural ? 1 : 4 / pack.Width;
            for (var pixel = 0; pixel < count; pixel += together)
            {
                var pixels = Math.Min(together, count - pixel);
                var values = new int[pixels * pack.Width];
                for (var p = 0; p < pixels; p++)
                    for (var t = 0; t < pack.Width; t++)
                    {
                        var (at, slot, vector) = (pixel + p, p * pack.Width + t, pack.First + t);
                        yield return () => values[slot] = real(at, pack, vector, slot);
                        yield return () => Finish(values[slot]);
                    }
                var start = pixel;
                yield return () => Store(values, start, pixels, pack);
            }
        }
    }

    // The last free registers are for intermediate results; the first four may hold accumulators that came from memory.
    private int Temporary(int index) => _registers.Free[^(index + 1)];

    private int StoredOfLast => _panel.Channels - _packs[^1].First * PanelShape.Lanes;

    private int Capacity(Pack pack) => (_spec.IsNatural ? 1 : pack.Width) * PanelShape.Lanes;

    private bool IsMasked(Pack pack) => pack == _packs[^1] && StoredOfLast < Capacity(pack);

    private AssemblerMemoryOperand Scalar(int offset) => __dword_bcst[_registers.Shared + offset];

    private AssemblerMemoryOperand Vector(int offset) => __zmmword_ptr[_registers.Shared + offset];

    private static int ChannelBytes(Pack pack, bool isFloat) => pack.First * PanelShape.Lanes * (isFloat ? sizeof(float) : 1);

    // float(acc) * multiplier + offset + residual
    private void Real(int value, int pixel, Pack pack, int vector, bool isFirstOfPixel)
    {
        var v = Zmm(value);
        _asm.vcvtdq2ps(v, v);
        _asm.vmulps(v, v, __zmmword_ptr[_registers.Panel + EpilogueConstants.Multiplier(_panel.Vectors, vector)]);
        if (_spec.HasOffset) _asm.vaddps(v, v, __zmmword_ptr[_registers.Panel + EpilogueConstants.Offset(_panel.Vectors, vector)]);
        if (_spec.Residual == ResidualKind.None) return;
        var r = Zmm(Temporary(0));
        if (_spec.Residual == ResidualKind.Floats)
        {
            _asm.vmovups(r, __zmmword_ptr[_registers.Residual + (_residualOffset(pixel) + ChannelBytes(pack, true))]);
            if (_spec.ResidualIsDivided) _asm.vdivps(r, r, Scalar(EpilogueConstants.ResidualDivisor));
            _asm.vaddps(v, v, r);
            return;
        }
        LoadResidual(pixel, pack, vector - pack.First, isFirstOfPixel);
        if (_spec.ResidualIsExact)
        {
            _asm.vfmadd231ps(v, r, Scalar(EpilogueConstants.ResidualMultiplier));
            return;
        }
        _asm.vmulps(r, r, Scalar(EpilogueConstants.ResidualMultiplier));
        _asm.vaddps(v, v, r);
    }

    // The residual less its zero point in the order of the accumulators, in temporary 0; temporary 1 keeps the pixel's bytes for the pack's other vectors, unless the activation of the one before needs it.
    private void LoadResidual(int pixel, Pack pack, int inPack, bool isFirstOfPixel)
    {
        var at = _registers.Residual + (_residualOffset(pixel) + (_spec.IsNatural ? 0 : ChannelBytes(pack, false)));
        var (r, bytes) = (Zmm(Temporary(0)), Zmm(Temporary(1)));
        if (pack.Width == 1)
        {
            _asm.vpmovzxbd(r, __xmmword_ptr[_registers.Residual + (_residualOffset(pixel) + ChannelBytes(pack, false))]);
            if (_spec.ResidualHasZeroPoint) _asm.vpsubd(r, r, Scalar(EpilogueConstants.ResidualZeroPoint));
            _asm.vcvtdq2ps(r, r);
            return;
        }
        var loads = isFirstOfPixel || _spec.ActivationTemporaries > 1;
        if (loads && pack.Width == 4) _asm.vmovdqu64(bytes, __zmmword_ptr[at]);
        if (loads && pack.Width == 2) _asm.vpmovzxbw(bytes, __ymmword_ptr[at]);
        // A byte as the last of 2^23's makes a float of it.
        _asm.vbroadcastss(r, __dword_ptr[_registers.Shared + EpilogueConstants.ByteFloat]);
        _asm.vpshufb(r.k3, bytes, Vector((pack.Width == 4 ? EpilogueConstants.BytesToInts : EpilogueConstants.WordsToInts) + 64 * inPack));
        _asm.vsubps(r, r, Scalar(EpilogueConstants.ByteFloatZero));
    }

    public void Close()
    {
    }

    public void OutOfLine() => _sigmoid?.EmitSlowPaths();

    private void Finish(int value)
    {
        if (_sigmoid is not null) _sigmoid.Emit(value);
        else Exact(value);
    }

    // Activation, division and, for bytes, rounding to an integer.
    private void Exact(int value)
    {
        var v = Zmm(value);
        var activation = ActivationEmitter.Temporaries(_spec.Activation);
        ActivationEmitter.Emit(_asm, _spec.Activation, value, Enumerable.Range(0, activation).Select(Temporary).ToArray(), _registers.Shared);
        if (_spec.Division == DivisionKind.Quick)
        {
            var low = Zmm(Temporary(0));
            _asm.vmulps(low, v, Scalar(EpilogueConstants.InverseLow));
            _asm.vfmadd132ps(v, low, Scalar(EpilogueConstants.InverseHigh));
        }
        else if (_spec.Division == DivisionKind.Exact)
        {
            _asm.vdivps(v, v, Scalar(EpilogueConstants.Divisor));
        }
        if (_spec.IsFloatOutput) return;
        if (_spec.ClampsFloats)
        {
            _asm.vmaxps(v, v, Scalar(EpilogueConstants.Lowest));
            _asm.vminps(v, v, Scalar(EpilogueConstants.Highest));
        }
        // Rounds to nearest, ties to even.
        _asm.vcvtps2dq(v, v);
    }

    private void Store(int[] values, int pixel, int pixels, Pack pack)
    {
        if (_spec.IsFloatOutput) StoreFloats(values[0], pixel, pack);
        else if (_spec.IsNatural) StoreNatural(values[0], pixel, pack);
        else StorePacked(values, pixel, pixels, pack);
    }

    private void StoreFloats(int value, int pixel, Pack pack)
    {
        var to = __zmmword_ptr[_registers.Output + (_outputOffset(pixel) + ChannelBytes(pack, true))];
        _asm.vmovups(IsMasked(pack) ? to.k1 : to, Zmm(value));
    }

    // Values were clamped as floats, so that they saturate correctly as unsigned bytes.
    private void StoreNatural(int value, int pixel, Pack pack)
    {
        if (_spec.HasZeroPoint) _asm.vpaddd(Zmm(value), Zmm(value), Scalar(EpilogueConstants.ZeroPoint));
        var to = __xmmword_ptr[_registers.Output + (_outputOffset(pixel) + ChannelBytes(pack, false))];
        _asm.vpmovusdb(IsMasked(pack) ? to.k1 : to, Zmm(value));
    }

    private void StorePacked(int[] values, int pixel, int pixels, Pack pack)
    {
        // Pixels that are not there repeat one that is.
        int Value(int index) => values[index % values.Length];
        var (low, high) = (Zmm(Value(0)), Zmm(Value(2)));
        if (values.Length <= 2) high = low;
        foreach (var (words, other) in values.Length > 2 ? [(low, Value(1)), (high, Value(3))] : ((AssemblerRegisterZMM, int)[])[(low, Value(1))])
        {
            _asm.vpackssdw(words, words, Zmm(other));
            if (_spec is { HasZeroPoint: true, IsSigned: false }) _asm.vpaddsw(words, words, Vector(EpilogueConstants.ZeroPoints));
        }
        if (_spec.IsSigned)
        {
            _asm.vpacksswb(low, low, high);
            _asm.vpxord(low, low, Vector(EpilogueConstants.ZeroPoints));
        }
        else
        {
            _asm.vpackuswb(low, low, high);
        }
        if (_spec.HasLowest) _asm.vpmaxub(low, low, Vector(EpilogueConstants.LowestBytes));
        if (_spec.HasHighest) _asm.vpminub(low, low, Vector(EpilogueConstants.HighestBytes));
        var order = Zmm(Temporary(0));
        if (pack.Width < 4) _asm.vmovdqu64(order, Vector(pack.Width == 2 ? EpilogueConstants.PairOrder : EpilogueConstants.QuadOrder));
        if (pack.Width == 2) _asm.vpermq(low, order, low);
        if (pack.Width == 1) _asm.vpermd(low, order, low);
        for (var p = 0; p < pixels; p++) StoreBytes(Value(0), p, _registers.Output + (_outputOffset(pixel + p) + ChannelBytes(pack, false)), pack);
    }

    // Part p of a packed vector: all of it, a half or a quarter.
    private void StoreBytes(int vector, int part, AssemblerMemoryOperand to, Pack pack)
    {
        var isMasked = IsMasked(pack);
        var scratch = Temporary(0);
        switch (pack.Width)
        {
            case 4:
                _asm.vmovdqu8(isMasked ? __zmmword_ptr[to].k1 : __zmmword_ptr[to], Zmm(vector));
                break;
            case 2 when part == 0:
                _asm.vmovdqu8(isMasked ? __ymmword_ptr[to].k1 : __ymmword_ptr[to], Ymm(vector));
                break;
            case 2:
                _asm.vextracti64x4(Ymm(scratch), Zmm(vector), 1);
                _asm.vmovdqu8(isMasked ? __ymmword_ptr[to].k1 : __ymmword_ptr[to], Ymm(scratch));
                break;
            case 1 when part == 0:
                _asm.vmovdqu8(isMasked ? __xmmword_ptr[to].k1 : __xmmword_ptr[to], Xmm(vector));
                break;
            default:
                _asm.vextracti32x4(Xmm(scratch), Zmm(vector), (byte)part);
                _asm.vmovdqu8(isMasked ? __xmmword_ptr[to].k1 : __xmmword_ptr[to], Xmm(scratch));
                break;
        }
    }
}
