using Iced.Intel;
using Pith.Kernels.Jit;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.TestKit;

/// <summary>
/// AMX as AVX-512 VNNI and BF16 code: tiles live in the kernel's stack frame, and every other register is as it was. What an AMX kernel computes can so be checked, bit for bit, on machines without AMX;
/// only rdi, which the kernels do not use once their arguments are read, is overwritten.
/// </summary>
internal sealed class EmulatedTiles(Assembler asm) : TileUnit(asm)
{
    private const int SavedBytes = 2 * RowBytes;
    private int[] _rows = [];

    public override int FrameBytes => Count * TileBytes + SavedBytes;

    public override void Expect(int[] rows) => _rows = rows;

    public override void Configure(AssemblerRegister64 config)
    {
    }

    public override void Release()
    {
    }

    public override void Zero(int tile) => Keeping(() =>
    {
        Asm.vpxord(zmm31, zmm31, zmm31);
        for (var row = 0; row < Rows; row++) Asm.vmovdqu64(Row(tile, row), zmm31);
    });

    public override void Load(int tile, AssemblerRegister64 start, AssemblerRegister64 stride, int offset) => Keeping(() =>
    {
        Asm.lea(rdi, __[start + offset]);
        for (var row = 0; row < _rows[tile]; row++)
        {
            Asm.vmovdqu64(zmm31, __zmmword_ptr[rdi]);
            Asm.vmovdqu64(Row(tile, row), zmm31);
            Asm.add(rdi, stride);
        }
    });

    public override void Store(int tile, AssemblerRegister64 start, AssemblerRegister64 stride, int offset) => Keeping(() =>
    {
        Asm.lea(rdi, __[start + offset]);
        for (var row = 0; row < _rows[tile]; row++)
        {
            Asm.vmovdqu64(zmm31, Row(tile, row));
            Asm.vmovdqu64(__zmmword_ptr[rdi], zmm31);
            Asm.add(rdi, stride);
        }
    });

    public override void DotInt8(int sum, int left, int right) => Dot(sum, left, right, k => Asm.vpdpbusd(zmm31, zmm30, Row(right, k)));

    public override void DotBf16(int sum, int left, int right) => Dot(sum, left, right, k => Asm.vdpbf16ps(zmm31, zmm30, Row(right, k)));

    // Row by row of the sums in zmm31: four bytes of the left row at a time, in every lane of zmm30.
    private void Dot(int sum, int left, int right, Action<int> multiplyAdd) => Keeping(() =>
    {
        var top = Asm.CreateLabel();
        Asm.xor(edi, edi);
        Asm.Label(ref top);
        Asm.vmovdqu64(zmm31, __zmmword_ptr[rsp + rdi * 1 + At(sum)]);
        for (var k = 0; k < Rows; k++)
        {
            Asm.vpbroadcastd(zmm30, __dword_ptr[rsp + rdi * 1 + (At(left) + 4 * k)]);
            multiplyAdd(k);
        }
        Asm.vmovdqu64(__zmmword_ptr[rsp + rdi * 1 + At(sum)], zmm31);
        Asm.add(rdi, RowBytes);
        Asm.cmp(rdi, _rows[sum] * RowBytes);
        Asm.jl(top);
    });

    private int At(int tile) => FrameOffset + SavedBytes + tile * TileBytes;

    private AssemblerMemoryOperand Row(int tile, int row) => __zmmword_ptr[rsp + (At(tile) + row * RowBytes)];

    private void Keeping(Action code)
    {
        Asm.vmovdqu64(__zmmword_ptr[rsp + FrameOffset], zmm30);
        Asm.vmovdqu64(__zmmword_ptr[rsp + (FrameOffset + RowBytes)], zmm31);
        code();
        Asm.vmovdqu64(zmm30, __zmmword_ptr[rsp + FrameOffset]);
        Asm.vmovdqu64(zmm31, __zmmword_ptr[rsp + (FrameOffset + RowBytes)]);
    }
}
