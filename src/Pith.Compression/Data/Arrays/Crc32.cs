using System.Buffers.Binary;

namespace Pith.Compression.Data;

/// <summary>CRC-32 as zip files have it (reflected polynomial EDB88320), four bytes at a time by four tables.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    private static readonly uint[][] s_tables = Tables();

    /// <summary>The checksum of what <paramref name="crc"/> is the checksum of, followed by <paramref name="bytes"/>; start with 0.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var (t0, t1, t2, t3) = (s_tables[0], s_tables[1], s_tables[2], s_tables[3]);
        crc = ~crc;
        for (; bytes.Length >= 4; bytes = bytes[4..])
        {
            crc ^= BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            crc = t3[(byte)crc] ^ t2[(byte)(crc >> 8)] ^ t1[(byte)(crc >> 16)] ^ t0[crc >> 24];
        }
        foreach (var b in bytes) crc = t0[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    // Table k: what a byte contributes when k more bytes follow it.
    private static uint[][] Tables()
    {
        var tables = new uint[4][];
        for (var k = 0; k < tables.Length; k++) tables[k] = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * Polynomial);
            tables[0][i] = crc;
        }
        for (var k = 1; k < tables.Length; k++)
            for (var i = 0; i < 256; i++) tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][(byte)tables[k - 1][i]];
        return tables;
    }
}
